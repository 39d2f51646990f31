import { AccessTokenError } from '../access-token-error.ts'
import { checkedAlgorithms, type VerificationAlgorithm } from './jwk.ts'
import { importKeys, type KeySet, type VerificationKey } from './key-set.ts'

/**
 * A key set that your application loads itself. `load` is called again when the copy is older than
 * `maximumAgeMilliseconds` (default 1000), and for each kid that the copy does not have. So `load` should cache.
 *
 * @example
 * ```ts
 * import { readFile } from 'node:fs/promises'
 * import { createVerifier, localKeySet } from 'mintage/verify'
 *
 * const keys = localKeySet(async () => JSON.parse(await readFile('jwks.json', 'utf8')), { maximumAgeMilliseconds: 60_000 })
 * export const verifier = createVerifier({ issuer: 'https://auth.example', audience: 'https://api.example', keys })
 * ```
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
    // A slow load must not overwrite the result of a later one.
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
