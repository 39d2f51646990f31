import { isJsonObject } from '../json-object.ts'
import { createSignatureCheck } from '../signatures/signature.ts'
import type { SignatureCheck } from '../signatures/signature-check.ts'
import { readPublicJwk, type VerificationAlgorithm } from './jwk.ts'

/** One public key, with the only algorithm it may be used with (RFC 8725 §3.1). */
export type VerificationKey = {
  readonly kid: string
  readonly algorithm: VerificationAlgorithm
  readonly check: SignatureCheck
}

export type KeySet = {
  /**
   * Finds the key with this kid. Undefined = the issuer certainly does not have it. Throws, or rejects with,
   * `AccessTokenError` `unavailable` if that is not known now, because the token may be valid.
   */
  find(kid: string): VerificationKey | undefined | Promise<VerificationKey | undefined>
  /** Whether the current set has the kid and is fresh enough. Called for each cached token. Never waits. */
  holds(kid: string): boolean
  /** Loads the set if it is not loaded yet. */
  ready?(): Promise<void>
  /** The longest lifetime that the issuer publishes for its tokens; undefined while it is not known. Never waits. */
  longestTokenSeconds?(): number | undefined
  /**
   * Called for a token that lives longer. Reads what the issuer publishes now, at most once per cool-down. Rejects with
   * `AccessTokenError` `unavailable` if that is not possible.
   */
  refreshLongestTokenSeconds?(): Promise<void>
}

/** More keys than any issuer publishes. Further keys are ignored. */
const mostKeys = 100

/**
 * The usable keys of a JWK Set, by kid. Ignores keys of other types, uses and algorithms, weak keys, and keys that
 * cannot be imported (RFC 7517 §5). If two usable keys have the same kid, the first counts. Throws a TypeError if it is
 * not a JWK Set.
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
      // One bad key, such as a point off its curve, must not make the good keys unusable.
    }
  }
  return keys
}
