import { decodeBase64url } from '../base64url.ts'
import type { VerificationAlgorithm } from '../key-sets/jwk.ts'
import { nodeCrypto } from '../node-crypto.ts'
import { knownAnswers } from './known-answers.ts'
import type { SignatureCheck } from './signature-check.ts'

/**
 * Signatures by node:crypto without a promise: ES256 (given in DER), EdDSA and PS256 in two thirds of the time of
 * WebCrypto, RS256 in less than half. Undefined where jose must verify instead: for ES384, which takes ten times as long
 * and belongs in another thread, and where node:crypto is missing or fails the known answers (browsers, Workers without
 * nodejs_compat).
 */
export function nodeSignatureCheck(key: CryptoKey, algorithm: VerificationAlgorithm): SignatureCheck | undefined {
  const method = algorithm === 'Ed25519' ? 'EdDSA' : algorithm
  const verify = method === 'ES384' ? undefined : trustedMethod(method)
  const publicKey = keyObject(key)
  if (!verify || !publicKey) return undefined
  return ({ signingInput, signature }) =>
    verify(Buffer.from(signingInput, 'latin1'), publicKey, decodeBase64url(signature))
}

/**
 * SEQUENCE of two INTEGERs (RFC 3279 §2.2.3) from r‖s (RFC 7518 §3.4): minimal, never negative. Undefined unless it is
 * 64 bytes. Does not check the values: the verification refuses zero and anything not below the order.
 */
export function derOfEs256(signature: Uint8Array): Uint8Array | undefined {
  if (signature.length !== 64) return undefined
  const rStart = firstSignificant(signature, 0, 31)
  const sStart = firstSignificant(signature, 32, 63)
  const rPad = (signature[rStart] ?? 0) >> 7
  const sPad = (signature[sStart] ?? 0) >> 7
  const rLength = 32 - rStart + rPad
  const sLength = 64 - sStart + sPad
  const der = new Uint8Array(6 + rLength + sLength)
  der[0] = 0x30
  der[1] = 4 + rLength + sLength
  der[2] = 0x02
  der[3] = rLength
  der.set(signature.subarray(rStart, 32), 4 + rPad)
  der[4 + rLength] = 0x02
  der[5 + rLength] = sLength
  der.set(signature.subarray(sStart, 64), 6 + rLength + sPad)
  return der
}

/** Index of the first byte that is not zero; the last one where all are. */
function firstSignificant(bytes: Uint8Array, start: number, last: number): number {
  let index = start
  while (index < last && bytes[index] === 0) index += 1
  return index
}

/** Undefined where the runtime cannot make one of a WebCrypto key: no reason to do without the key. */
function keyObject(key: CryptoKey) {
  try {
    return nodeCrypto?.KeyObject.from(key)
  } catch {
    return undefined
  }
}

type PublicKey = NonNullable<ReturnType<typeof keyObject>>
type Verify = (signingInput: Uint8Array, key: PublicKey, signature: Uint8Array) => boolean
type Method = keyof typeof knownAnswers

const methods = nodeCrypto && createMethods(nodeCrypto)

/** RFC 7518 §3.3–§3.5, RFC 8037 §3.1. */
function createMethods({ verify, constants }: NonNullable<typeof nodeCrypto>): Record<Method, Verify> {
  const pss = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 }
  return {
    ES256(signingInput, key, signature) {
      const der = derOfEs256(signature)
      return der !== undefined && verify('sha256', signingInput, key, der)
    },
    EdDSA: (signingInput, key, signature) => verify(null, signingInput, key, signature),
    RS256: (signingInput, key, signature) => verify('sha256', signingInput, key, signature),
    PS256: (signingInput, key, signature) => verify('sha256', signingInput, { key, ...pss }, signature),
  }
}

const trusted = new Map<Method, boolean>()

/** Other runtimes have a node:crypto too, and only one that gives the right answers may say yes here. */
function trustedMethod(method: Method): Verify | undefined {
  const isTrusted = trusted.get(method) ?? answersRight(method)
  trusted.set(method, isTrusted)
  return isTrusted ? methods?.[method] : undefined
}

function answersRight(method: Method): boolean {
  try {
    const verify = methods?.[method]
    const { key: jwk, signingInput, signature } = knownAnswers[method]
    const key = nodeCrypto?.createPublicKey({ key: { ...jwk }, format: 'jwk' })
    if (!verify || !key) return false
    const verifies = (text: string) => verify(Buffer.from(text, 'latin1'), key, decodeBase64url(signature))
    return verifies(signingInput) && !verifies(`${signingInput}A`)
  } catch {
    return false
  }
}
