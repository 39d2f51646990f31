import { isJsonObject } from '../json-object.ts'
import { createSignatureCheck } from '../signatures/signature.ts'
import type { SignatureCheck } from '../signatures/signature-check.ts'
import { readPublicJwk, type VerificationAlgorithm } from './jwk.ts'

/** One public key with the one algorithm that it is good for (RFC 8725 §3.1). */
export type VerificationKey = {
  readonly kid: string
  readonly algorithm: VerificationAlgorithm
  readonly check: SignatureCheck
}

export type KeySet = {
  /**
   * The key of this kid. Undefined = the issuer has no such key, known for sure. Throws, or rejects with, `AccessTokenError`
   * `unavailable` when that cannot be known now: then the token may be good.
   */
  find(kid: string): VerificationKey | undefined | Promise<VerificationKey | undefined>
  /** Whether the set that is held, and fresh enough, has the kid: asked for each cached token. Never waits. */
  holds(kid: string): boolean
  /** Loads the set when it is not there yet. */
  ready?(): Promise<void>
}

/** More keys than any issuer publishes; the rest is ignored. */
const mostKeys = 100

/**
 * The usable keys of a JWK Set by kid. Keys of other types, uses and algorithms, weak ones and those that cannot be imported are
 * ignored and the rest is kept (RFC 7517 §5); of two with one kid the first counts. Throws a TypeError unless it is a JWK Set.
 */
export async function importKeys(
  jwks: unknown,
  algorithms: ReadonlySet<string>,
): Promise<ReadonlyMap<string, VerificationKey>> {
  if (!isJsonObject(jwks) || !Array.isArray(jwks.keys)) throw new TypeError('not a JWK Set')
  const keys = new Map<string, VerificationKey>()
  for (const member of jwks.keys.slice(0, mostKeys)) {
    const jwk = readPublicJwk(member, algorithms)
    if (!jwk || keys.has(jwk.kid)) continue
    try {
      keys.set(jwk.kid, { kid: jwk.kid, algorithm: jwk.alg, check: await createSignatureCheck(jwk) })
    } catch {
      // One bad key, a point off its curve for example, must not take the good ones with it.
    }
  }
  return keys
}
