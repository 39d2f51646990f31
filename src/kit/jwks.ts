import { AccessTokenError } from './access-token-error.ts'
import { isJsonObject } from './json-object.ts'
import { checkedAlgorithms, readPublicJwk, type VerificationAlgorithm } from './jwk.ts'
import { createSignatureCheck } from './signature.ts'
import type { SignatureCheck } from './signature-check.ts'

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
 * ignored and the rest is kept (RFC 7517 §5); of two with one kid the first counts. Throws a TypeError for what is no JWK Set.
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

/**
 * The key set of the service itself, or one that an application got by other means. `load` is asked again when the copy is older than
 * a second, and for a kid that the copy does not have, so it should keep a cache of its own.
 */
export function localKeySet(
  load: () => Promise<{ readonly keys: readonly object[] }>,
  options: { algorithms?: readonly VerificationAlgorithm[]; maximumAgeMilliseconds?: number; now?: () => Date } = {},
): KeySet {
  const { maximumAgeMilliseconds = 1000, now = () => new Date() } = options
  const allowed = checkedAlgorithms(options.algorithms)
  let keys: ReadonlyMap<string, VerificationKey> = new Map()
  let loadedAt = Number.NEGATIVE_INFINITY

  const isFresh = () => Math.abs(now().getTime() - loadedAt) <= maximumAgeMilliseconds
  async function reload(): Promise<void> {
    const startedAt = now().getTime()
    let loaded: ReadonlyMap<string, VerificationKey>
    try {
      loaded = await importKeys(await load(), allowed)
    } catch (cause) {
      throw new AccessTokenError('unavailable', 'keys_unavailable', { retryAfterSeconds: 1, cause })
    }
    // A slow load must not put back what a later one replaced.
    if (startedAt < loadedAt) return
    keys = loaded
    loadedAt = startedAt
  }

  return {
    find(kid) {
      const key = isFresh() ? keys.get(kid) : undefined
      return key ?? reload().then(() => keys.get(kid))
    },
    holds: (kid) => isFresh() && keys.has(kid),
    ready: reload,
  }
}
