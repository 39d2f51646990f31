import { AccessTokenError } from '../access-token-error.ts'
import { type Fetch, fetchDocument, isAcceptableUrl, runtimeFetch } from '../document.ts'
import { checkIssuer, fetchIssuerMetadata } from '../issuer-metadata.ts'
import { runsOnWorkers } from '../runtime.ts'
import { checkedNumber } from '../verifier-options.ts'
import type { VerificationAlgorithm } from './jwk.ts'
import { checkedAlgorithms } from './jwk.ts'
import { importKeys, type KeySet, type VerificationKey } from './key-set.ts'
import { identityHeaders, type VerifierIdentity } from './verifier-identity.ts'

export type RemoteKeySetOptions = VerifierIdentity & {
  readonly issuer: string
  /** Where the JWK Set is, when it is not to be looked up in the issuer's metadata. */
  readonly jwksUrl?: string | undefined
  /** Keys of other algorithms are ignored. Default: the five that the service signs with. */
  readonly algorithms?: readonly VerificationAlgorithm[] | undefined
  /** How old the set may become; a shorter `max-age` of the answer counts, down to the cool-down. Default 300. */
  readonly maximumAgeSeconds?: number | undefined
  /** How long after that the set still serves while the issuer cannot be reached. Default 3600. */
  readonly staleSeconds?: number | undefined
  /** Between two fetches for kids that the set does not have, and between two attempts while the issuer is away. Default 10. */
  readonly coolDownSeconds?: number | undefined
  /** Default 5000. */
  readonly timeoutMilliseconds?: number | undefined
  readonly fetch?: Fetch | undefined
  readonly now?: (() => Date) | undefined
  /**
   * Whether requests may wait for each other's fetches and refresh ahead of time. Default: yes, except on Workers, which tie I/O to the
   * request that began it: results may be shared, pending promises may not.
   */
  readonly sharesWork?: boolean | undefined
}

const largestSet = 262_144
const mostAbsentKids = 256

/**
 * The issuer's JWK Set, fetched when it is first needed; construction does no I/O.
 *
 * - Older than its maximum age it is fetched again before it answers, so a withdrawn key is gone by then. From three quarters of that
 *   age on it is refreshed beside the requests, so that nobody waits.
 * - While the issuer is away, the set serves for `staleSeconds` more; an attempt a cool-down.
 * - A kid that is not in the set causes one fetch past all caches a cool-down, shared by everybody who waits. In between, such a kid
 *   is `unavailable` and not invalid, unless a fetch has just shown that it does not exist.
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

  let held: { keys: ReadonlyMap<string, VerificationKey>; loadedAt: number; maximumAge: number } | undefined
  let url = jwksUrl
  let pending: { load: Promise<void>; noCache: boolean } | undefined
  let attemptedAt: number | undefined
  let failedAt: number | undefined
  let failure: unknown
  /** When a fetch past all caches began: the answer to whether a kid exists. */
  let confirmedAt: number | undefined
  /** Kids that such a fetch did not find. */
  const absent = new Set<string>()

  function find(kid: string): VerificationKey | undefined | Promise<VerificationKey | undefined> {
    const at = time()
    const keys = usableKeys(at)
    const key = keys?.get(kid)
    if (key) return key
    if (keys && absent.has(kid) && since(confirmedAt, at) < coolDown) return undefined
    return findAfterFetch(kid)
  }

  /** What may answer at this instant; begins the refresh that is due. */
  function usableKeys(at: number): ReadonlyMap<string, VerificationKey> | undefined {
    if (!held) return undefined
    const age = since(held.loadedAt, at)
    const attemptIsDue = since(attemptedAt, at) >= coolDown
    if (age < held.maximumAge) {
      if (age >= held.maximumAge * 0.75 && attemptIsDue) refreshBeside()
      return held.keys
    }
    // That the issuer is away must be recent news: an attempt that failed long ago does not make an old set good.
    const isAway = since(failedAt, at) < 3 * coolDown
    if (!isAway || age >= held.maximumAge + staleTime || (attemptIsDue && !sharesWork)) return undefined
    if (attemptIsDue) refreshBeside()
    return held.keys
  }

  function refreshBeside(): void {
    if (!sharesWork || pending) return
    // What went wrong is kept in `failure` and comes out when the set is too old.
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

  /** Gets a set that may answer, or the stale one where the issuer is away; true when the answer came past all caches. */
  async function replaceOutdated(): Promise<boolean> {
    const at = time()
    const shared = pending
    // With nothing in hand every second counts; with a set, the cool-down.
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

  /** One fetch past all caches a cool-down. */
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
      url ??= (await fetchIssuerMetadata({ issuer, fetch, timeoutMilliseconds })).jwksUri
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
      // It may have moved: the metadata is asked again.
      url = jwksUrl
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
  }
}

/** Milliseconds between the two, whichever way the clock was set in the meantime. */
function since(instant: number | undefined, at: number): number {
  return instant === undefined ? Number.POSITIVE_INFINITY : Math.abs(at - instant)
}

/** Milliseconds for which the answer says that it is fresh (RFC 9111 §4.2): `max-age` less the `Age` it has already. */
function remainingAge(headers: Headers): number {
  const maxAge = /(?:^|[\s,])max-age=(\d{1,9})(?:$|[\s,])/i.exec(headers.get('cache-control') ?? '')?.[1]
  if (maxAge === undefined) return Number.POSITIVE_INFINITY
  const age = /^\d{1,9}$/.test(headers.get('age') ?? '') ? Number(headers.get('age')) : 0
  return (Number(maxAge) - age) * 1000
}
