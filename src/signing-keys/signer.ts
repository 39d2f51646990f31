/** The algorithms a signing key may have (RFC 7518 §3.1). */
export type Algorithm = 'ES256'

export function isAlgorithm(text: string): text is Algorithm {
  return text === 'ES256'
}

/** What a key may sign: access tokens, or what the service publishes about itself (feed, checkpoints). */
export type KeyPurpose = 'token' | 'record'

/** Signs the ASCII signing input of a JWS (RFC 7515 §5.1) and gives the JWS signature, base64url: for ES256 r‖s, 64 bytes. */
export type SignBytes = (signingInput: string) => string | Promise<string>

export type Signer = {
  readonly kid: string
  readonly algorithm: Algorithm
  readonly sign: SignBytes
}
