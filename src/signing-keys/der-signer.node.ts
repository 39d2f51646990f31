import { createPrivateKey, sign } from 'node:crypto'
import type { Algorithm, SignBytes } from './signer.ts'

/** Bytes of r and of s for P-256 (RFC 7518 §3.4). */
const halfBytes = 32

/**
 * Signs on Node without a promise. OpenSSL's native form is DER; asked for r‖s, Node goes through a slower path, so that taking DER
 * apart here halves the cost of a signature (bench/ watches whether that stays true).
 */
export async function createSigner(algorithm: Algorithm, privateJwk: JsonWebKey): Promise<SignBytes> {
  const key = createPrivateKey({ key: { ...privateJwk }, format: 'jwk' })
  if (algorithm !== 'ES256' || key.asymmetricKeyDetails?.namedCurve !== 'prime256v1')
    throw new TypeError('an ES256 key is an EC key on P-256')
  return (signingInput) => signatureFromDer(sign('sha256', Buffer.from(signingInput, 'latin1'), key)).toString('base64url')
}

/**
 * r‖s of `SEQUENCE { INTEGER r, INTEGER s }` (RFC 3279 §2.2.3). DER integers are signed and as short as they can be: one that starts
 * with a high bit carries a zero before it, and one with leading zero bytes lacks them. Throws for anything else than two positive
 * integers of at most 32 bytes that fill the sequence exactly.
 */
export function signatureFromDer(der: Buffer): Buffer {
  if (der[0] !== 0x30 || der[1] !== der.length - 2) throw malformed()
  const signature = Buffer.alloc(2 * halfBytes)
  const afterR = copyInteger(der, 2, signature, 0)
  const afterS = copyInteger(der, afterR, signature, halfBytes)
  if (afterS !== der.length) throw malformed()
  return signature
}

/** Copies the integer at `at` right-aligned into its half; gives the offset behind it. */
function copyInteger(der: Buffer, at: number, signature: Buffer, half: number): number {
  const length = der[at + 1]
  if (der[at] !== 0x02 || length === undefined || length === 0) throw malformed()
  const end = at + 2 + length
  const start = der[at + 2] === 0 ? at + 3 : at + 2
  const size = end - start
  if (end > der.length || size < 1 || size > halfBytes) throw malformed()
  der.copy(signature, half + halfBytes - size, start, end)
  return end
}

function malformed(): Error {
  return new Error('the ECDSA signature is not in the expected DER form')
}
