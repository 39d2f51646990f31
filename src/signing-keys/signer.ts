/**
 * The algorithms of signing keys: RFC 7518 §3.1, and RFC 8037 §3.1 for EdDSA, here always on the curve Ed25519.
 */
export const algorithms = ['ES256', 'EdDSA', 'RS256', 'PS256', 'ES384'] as const

export type Algorithm = (typeof algorithms)[number]

export const defaultAlgorithm: Algorithm = 'ES256'

export function isAlgorithm(text: string): text is Algorithm {
  return algorithms.some((algorithm) => algorithm === text)
}

/**
 * What a key signs: access tokens, or records that the service publishes about itself (feed, checkpoints). Record keys
 * are always ES256.
 */
export type KeyPurpose = 'token' | 'record'

/**
 * Signs the ASCII signing input of a JWS (RFC 7515 §5.1) and returns the JWS signature as base64url: r‖s for ECDSA (64
 * bytes on P-256, 96 on P-384), 64 bytes for Ed25519, as many bytes as the modulus for RSA. Slow signatures (RSA) are
 * made off the event loop and returned as a promise.
 */
export type SignBytes = (signingInput: string) => string | Promise<string>

export type Signer = {
  readonly kid: string
  readonly algorithm: Algorithm
  readonly sign: SignBytes
}
