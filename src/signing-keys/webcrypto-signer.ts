import { importJWK } from 'jose'
import { encodeBase64url } from '../kit/base64url.ts'
import type { Algorithm, SignBytes } from './signer.ts'

const encoder = new TextEncoder()

/**
 * Signs with WebCrypto, which returns signatures in JWS form (RFC 7518 §3.4) and works off the event loop. Works on
 * every platform, but Node uses openssl-signer.node.ts. Throws a TypeError unless the key is a private key for the
 * algorithm.
 */
export async function createSigner(algorithm: Algorithm, privateJwk: JsonWebKey): Promise<SignBytes> {
  const key = await importJWK({ ...privateJwk, ext: false }, algorithm)
  if (!(key instanceof CryptoKey) || key.type !== 'private')
    throw new TypeError('the JWK does not contain a private key')
  if (!suits(algorithm, key.algorithm)) throw new TypeError(`the key cannot be used with ${algorithm}`)
  return async (signingInput) => {
    const signature = await crypto.subtle.sign(parameters[algorithm], key, encoder.encode(signingInput))
    return encodeBase64url(new Uint8Array(signature))
  }
}

/** RFC 7518 §3.3–§3.5 (the salt of PS256 is as long as the hash), RFC 8037 §3.1. */
const parameters = {
  ES256: { name: 'ECDSA', hash: 'SHA-256' },
  ES384: { name: 'ECDSA', hash: 'SHA-384' },
  EdDSA: { name: 'Ed25519' },
  RS256: { name: 'RSASSA-PKCS1-v1_5' },
  PS256: { name: 'RSA-PSS', saltLength: 32 },
} as const satisfies Record<Algorithm, { name: string; hash?: string; saltLength?: number }>

const curves: Partial<Record<Algorithm, string>> = { ES256: 'P-256', ES384: 'P-384' }
const leastModulusBits = 2048

/**
 * The import sets hash and padding from the algorithm. Curve and length come from the key, so they are checked here.
 */
function suits(algorithm: Algorithm, key: KeyAlgorithm): boolean {
  if (key.name !== parameters[algorithm].name) return false
  if ('namedCurve' in key) return key.namedCurve === curves[algorithm]
  return !('modulusLength' in key) || (typeof key.modulusLength === 'number' && key.modulusLength >= leastModulusBits)
}
