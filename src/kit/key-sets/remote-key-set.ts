import { AccessTokenError } from '../access-token-error.ts'
import { type Fetch, fetchDocument, isAcceptableUrl, runtimeFetch } from '../document.ts'
import { createIssuerLookup } from '../issuer-lookup.ts'
import { checkIssuer } from '../issuer-metadata.ts'
import { runsOnWorkers } from '../runtime.ts'
import { checkedNumber } from '../verifier-options.ts'
import type { VerificationAlgorithm } from './jwk.ts'
import { checkedAlgorithms } from './jwk.ts'
import { importKeys, type KeySet, type VerificationKey } from './key-set.ts'
import { identityHeaders, type VerifierIdentity } from './verifier-identity.ts'

export type RemoteKeySetOptions = VerifierIdentity & {
  readonly issuer: string
  /** URL of the JWK Set. Default: looked up in the issuer's metadata. */
  readonly jwksUrl?: string | undefined
  /** Keys of other algorithms are ignored. Default: the five that the service signs with. */
  readonly algorithms?: readonly VerificationAlgorithm[] | undefined
  /**
   * How old the set may become. A shorter `max-age` in the response lowers this, but not below the cool-down. Default
   * 300.
   */
  readonly maximumAgeSeconds?: number | undefined
  /** How much longer the set is used while the issuer cannot be reached. Default 3600. */
  readonly staleSeconds?: number | undefined
  /**
   * Time between two fetches for unknown kids, and between two attempts while the issuer cannot be reached. Default 10.
   */
  readonly coolDownSeconds?: number | undefined
  /** Default 5000. */
  readonly timeoutMilliseconds?: number | undefined
  readonly fetch?: Fetch | undefined
  readonly now?: (() => Date) | undefined
  /**
   * Whether requests may wait for each other's fetches and refresh ahead of time. Default: yes, except on Workers.
   * There I/O belongs to the request that began it: requests may share results, but not pending promises.
   */
  readonly sharesWork?: boolean | undefined
}

const largestSet = 262_144
const mostAbsentKids = 256

/**
 * The issuer's JWK Set. It is fetched when it is first needed; creating it does no I/O.
 *
 * - A set older than its maximum age is fetched again before it answers, so a withdrawn key is gone by then. From three
 *   quarters of that age, it is refreshed in the background, so that no request waits.
 * - While the issuer cannot be reached, the set is used for `staleSeconds` more, with one attempt per cool-down.
 * - An unknown kid causes one fetch past all caches, at most once per cool-down. All waiting requests share it. In
 *   between, an unknown kid is `unavailable` and not invalid, unless a fetch has just shown that it does not exist.
 * - Without `jwksUrl` it also knows the longest lifetime of tokens in the metadata.
 *
 * @example
 * ```ts
 * import { createVerifier, remoteKeySet } from 'mintage/verify'
 *
 * const issuer = 'https://auth.example'
 * const keys = remoteKeySet({ issuer, maximumAgeSeconds: 60, name: 'billing-api' })
 * export const verifier = createVerifier({ issuer, audience: 'https://api.example', keys })
 * ```
 */
export function remoteKeySet(options: RemoteKeySetOptions): KeySet {
  const { issuer, jwksUrl, fetch = runtimeFetch, now = () => new Date(), sharesWork = !runsOnWorkers() } = options
  checkIssuer(issuer)
  if (jwksUrl !== undefined && !isAcceptableUrl(jwksUrl, issuer)) throw new TypeError('jwksUrl must be an https URL')
  const headersFor = identityHeaders(options, issuer)
  const time = () => now().getTime()
  const allowed = checkedAlgorithms(options.algorithms)
  const maximumAge = checkedNumber('maximumAgeSeconds', options.maximumAgeSeconds ?? 300, 0, 86_400) * 1000
  const staleTime = checkedNumber('staleSeconds', options.staleSeconds ?? 3600, 0, 604_800) * 1000
  const coolDown = checkedNumber('coolDownSeconds', options.coolDownSeconds ?? 10, 0, 3600) * 1000
  const timeoutMilliseconds = checkedNumber('timeoutMilliseconds', options.timeoutMilliseconds ?? 5000, 1, 60_000)

  const lookup = createIssuerLookup({ issuer, fetch, timeoutMilliseconds, time, coolDown, sharesWork })

  let held: { keys: ReadonlyMap<string, VerificationKey>; loadedAt: number; maximumAge: number } | undefined
  let pending: { load: Promise<void>; noCache: boolean } | undefined
  let attemptedAt: number | undefined
  let failedAt: number | undefined
  let failure: unknown
  /** When the last fetch that bypassed all caches began. Only such a fetch shows that a kid does not exist. */
  let confirmedAt: number | undefined
  /** Kids that such a fetch did not find. Cleared by the next successful fetch. */
  const absent = new Set<string>()

  function find(kid: string): VerificationKey | undefined | Promise<VerificationKey | undefined> {
    const at = time()
    const keys = usableKeys(at)
    const key = keys?.get(kid)
    if (key) return key
    if (keys && absent.has(kid) && since(confirmedAt, at) < coolDown) return undefined
    return findAfterFetch(kid)
  }

  /** The keys that may be used at this time. Starts a refresh if one is due. */
  function usableKeys(at: number): ReadonlyMap<string, VerificationKey> | undefined {
    if (!held) return undefined
    const age = since(held.loadedAt, at)
    const attemptIsDue = since(attemptedAt, at) >= coolDown
    if (age < held.maximumAge) {
      if (age >= held.maximumAge * 0.75 && attemptIsDue) refreshInBackground()
      return held.keys
    }
    // Only a recent failure shows that the issuer is away: one long ago does not make an old set usable.
    const isAway = since(failedAt, at) < 3 * coolDown
    if (!isAway || age >= held.maximumAge + staleTime || (attemptIsDue && !sharesWork)) return undefined
    if (attemptIsDue) refreshInBackground()
    return held.keys
  }

  function refreshInBackground(): void {
    if (!sharesWork || pending) return
    // The error is kept in `failure`, and reported when the set becomes too old.
    fetchSet(false).catch(() => undefined)
  }

  async function findAfterFetch(kid: string): Promise<VerificationKey | undefined> {
    const keys = usableKeys(time())
    const isConfirmed = keys ? false : await replaceOutdated()
    const known = currentKeys().get(kid)
    if (known) return known
    if (!isConfirmed) await confirm(kid)
    const key = currentKeys().get(kid)
    if (!key && absent.size < mostAbsentKids) absent.add(kid)
    return key
  }

  /**
   * Fetches the set when the current one is not usable. True if the response bypassed all caches. False if the fetch
   * failed: the old set may still be usable as a stale one. Rejects with `unavailable` soon after an earlier failure.
   */
  async function replaceOutdated(): Promise<boolean> {
    const at = time()
    const shared = pending
    // Without any set, try again a second after a failure. With an old set, wait for the cool-down.
    const pause = held ? coolDown : Math.min(coolDown, 1000)
    if (!shared && since(failedAt, at) < pause) throw unavailable(pause - since(failedAt, at))
    const noCache = shared ? shared.noCache : held === undefined
    if (noCache && !shared) confirmedAt = at
    try {
      await (shared?.load ?? fetchSet(noCache))
      return noCache
    } catch {
      return false
    }
  }

  /** Fetches past all caches, at most once per cool-down. */
  async function confirm(kid: string): Promise<void> {
    while (pending && !pending.noCache) await pending.load.catch(() => undefined)
    if (currentKeys().has(kid)) return
    const at = time()
    if (!pending) {
      if (since(confirmedAt, at) < coolDown) throw unavailable(coolDown - since(confirmedAt, at))
      confirmedAt = at
    }
    try {
      await (pending?.load ?? fetchSet(true))
    } catch {
      throw unavailable(coolDown)
    }
  }

  function currentKeys(): ReadonlyMap<string, VerificationKey> {
    const keys = usableKeys(time())
    if (!keys) throw unavailable(1000)
    return keys
  }

  function fetchSet(noCache: boolean): Promise<void> {
    const load = loadSet(noCache).finally(() => {
      if (pending?.load === load) pending = undefined
    })
    if (sharesWork) pending = { load, noCache }
    return load
  }

  async function loadSet(noCache: boolean): Promise<void> {
    const startedAt = time()
    attemptedAt = startedAt
    try {
      const url = jwksUrl ?? (await lookup.jwksUri())
      const { json, headers } = await fetchDocument({
        fetch,
        url,
        timeoutMilliseconds,
        maximumBytes: largestSet,
        noCache,
        headers: headersFor(url),
      })
      const keys = await importKeys(json, allowed)
      held = { keys, loadedAt: startedAt, maximumAge: Math.max(coolDown, Math.min(maximumAge, remainingAge(headers))) }
      failedAt = undefined
      failure = undefined
      absent.clear()
    } catch (error) {
      failedAt = time()
      failure = error
      // The JWK Set may have moved: look it up in the metadata again.
      lookup.forget()
      throw error
    }
  }

  function unavailable(milliseconds: number): AccessTokenError {
    const retryAfterSeconds = Math.max(1, Math.ceil(milliseconds / 1000))
    return new AccessTokenError('unavailable', 'keys_unavailable', { retryAfterSeconds, cause: failure })
  }

  return {
    find,
    holds: (kid) => usableKeys(time())?.has(kid) ?? false,
    async ready() {
      if (!usableKeys(time())) await replaceOutdated()
      currentKeys()
    },
    ...(jwksUrl === undefined && {
      longestTokenSeconds: lookup.longestTokenSeconds,
      refreshLongestTokenSeconds: lookup.refresh,
    }),
  }
}

/** Milliseconds between the two times, even if the clock was set back in between. */
function since(instant: number | undefined, at: number): number {
  return instant === undefined ? Number.POSITIVE_INFINITY : Math.abs(at - instant)
}

/** Milliseconds for which the response is still fresh (RFC 9111 §4.2): `max-age` minus `Age`. */
function remainingAge(headers: Headers): number {
  const maxAge = /(?:^|[\s,])max-age=(\d{1,9})(?:$|[\s,])/i.exec(headers.get('cache-control') ?? '')?.[1]
  if (maxAge === undefined) return Number.POSITIVE_INFINITY
  const age = /^\d{1,9}$/.test(headers.get('age') ?? '') ? Number(headers.get('age')) : 0
  return (Number(maxAge) - age) * 1000
}
