import { type Fetch, isAcceptableUrl, readBounded, runtimeFetch } from '../document.ts'
import { checkIssuer, fetchIssuerMetadata } from '../issuer-metadata.ts'
import type { KeySet } from '../key-sets/key-set.ts'
import { remoteKeySet } from '../key-sets/remote-key-set.ts'
import { monotonicMilliseconds, positiveMilliseconds, runsOnWorkers, withDeadline } from '../runtime.ts'
import { openRecord, RecordRefused } from '../signed-record.ts'
import { FeedRefused, feedType } from './feed-document.ts'
import { createFeedList, type FetchedFeed } from './feed-reader.ts'
import type { RevocationList } from './revocation-list.ts'

export type FeedRevocationListOptions = {
  /** The service's issuer identifier, exactly as in its documents. */
  readonly issuer: string
  /** URL of the feed. Default: looked up in the issuer's metadata. */
  readonly url?: string
  /** URL of the record keys. Default: looked up in the issuer's metadata. */
  readonly recordKeysUrl?: string
  /** Default 1000. Jitter shortens each interval by 5 to 25 %. */
  readonly refreshMilliseconds?: number
  /** Once the list is older than this, it refuses to answer. Default 10000. */
  readonly maximumStalenessMilliseconds?: number
  /** Timeout of each request. Default 5000. */
  readonly timeoutMilliseconds?: number
  /** Allowed difference between this clock and the service's. Default 30. */
  readonly clockToleranceSeconds?: number
  /** Longer documents are refused. Default 33554432, which has room for about 300,000 rules. */
  readonly maximumBytes?: number
  /** Refresh during a check instead of by a timer. Default: on Workers only, where no timer runs between requests. */
  readonly refreshInRequest?: boolean
  readonly fetch?: Fetch
  readonly now?: () => Date
  /** A clock in milliseconds that never jumps. Default: the runtime's. */
  readonly monotonic?: () => number
}

/**
 * A list from the service's signed public feed. Needs no credentials and no database. Does no I/O before its first use,
 * or before `ready` is called.
 *
 * A revocation arrives within two refreshes. An attacker who holds documents back can make the list at most
 * `maximumStalenessMilliseconds` old. The first document after a start can be older by the clock tolerance.
 *
 * Does not check:
 * - the token's signature, claims and expiry: the verifier does that before it asks;
 * - whether the service revoked more since the last document: until the next one, the list answers without it;
 * - whether the first document after a start is the latest: any signed one that has not expired is accepted. Later
 *   documents must not go back behind one that this process has seen;
 * - whether the service left rules out: the list trusts what a record key signed.
 *
 * Throws `TypeError` for invalid options.
 *
 * @example
 * ```ts
 * import { feedRevocationList } from 'mintage/revocation'
 * import { createVerifier } from 'mintage/verify'
 *
 * const issuer = 'https://auth.example'
 * const revocations = feedRevocationList({ issuer, refreshMilliseconds: 500 })
 * export const verifier = createVerifier({ issuer, audience: 'https://api.example', revocations })
 * ```
 */
export function feedRevocationList(options: FeedRevocationListOptions): RevocationList {
  const {
    issuer,
    fetch = runtimeFetch,
    now = () => new Date(),
    monotonic = monotonicMilliseconds,
    maximumBytes = 33_554_432,
  } = options
  const timeoutMilliseconds = positiveMilliseconds('timeoutMilliseconds', options.timeoutMilliseconds ?? 5000)
  checkIssuer(issuer)
  for (const url of [options.url, options.recordKeysUrl]) {
    if (url !== undefined && !isAcceptableUrl(url, issuer))
      throw new TypeError('url and recordKeysUrl must be https URLs')
  }
  let source: { url: string; keys: KeySet } | undefined

  async function findSource(): Promise<{ url: string; keys: KeySet }> {
    if (source) return source
    const found =
      options.url && options.recordKeysUrl
        ? undefined
        : await fetchIssuerMetadata({ issuer, fetch, timeoutMilliseconds })
    const url = options.url ?? found?.revocationsUri
    const jwksUrl = options.recordKeysUrl ?? found?.recordKeysUri
    if (url === undefined || jwksUrl === undefined)
      throw new Error('the metadata of the issuer does not name a revocation feed')
    source = { url, keys: remoteKeySet({ issuer, jwksUrl, fetch, now, timeoutMilliseconds }) }
    return source
  }

  return createFeedList({
    async fetchFeed(cursor, etag) {
      const { url } = await findSource()
      const answer = await requestFeed({ fetch, url, cursor, etag, timeoutMilliseconds, maximumBytes })
      if (answer !== 'gone') return answer
      source = undefined // it may have moved: the next refresh fetches the metadata again
      throw new Error('the revocation feed was not found at its URL')
    },
    open: async (text) => await openFeed(text, (await findSource()).keys),
    issuer,
    now,
    monotonic,
    refreshMilliseconds: options.refreshMilliseconds ?? 1000,
    maximumStalenessMilliseconds: options.maximumStalenessMilliseconds ?? 10_000,
    deadlineMilliseconds: 2 * timeoutMilliseconds,
    clockToleranceSeconds: options.clockToleranceSeconds ?? 30,
    inRequest: options.refreshInRequest ?? runsOnWorkers(),
  })
}

type FeedRequest = {
  fetch: Fetch
  url: string
  cursor: string | undefined
  etag: string | undefined
  timeoutMilliseconds: number
  maximumBytes: number
}

async function requestFeed(request: FeedRequest): Promise<FetchedFeed | 'gone'> {
  const { fetch, cursor, etag, timeoutMilliseconds, maximumBytes } = request
  const url = new URL(request.url)
  if (cursor !== undefined) url.searchParams.set('cursor', cursor)
  const headers = { accept: 'application/jwt', ...(etag === undefined ? {} : { 'if-none-match': etag }) }

  async function ask(signal: AbortSignal): Promise<FetchedFeed | 'gone'> {
    // `manual` instead of `error`, which Workers do not support. The status check below refuses redirects.
    const response = await fetch(url.href, { headers, redirect: 'manual', signal })
    if (response.status === 200) {
      const text = utf8.decode(await readBounded(response, maximumBytes, request.url))
      return { text, etag: response.headers.get('etag') ?? undefined }
    }
    await response.body?.cancel()
    if (response.status === 304 && etag !== undefined) return 'unchanged'
    if (response.status === 404 || response.status === 410) return 'gone'
    throw new Error(`status ${response.status} from the revocation feed`)
  }

  const late = () => new Error(`no answer from the revocation feed within ${timeoutMilliseconds} ms`)
  return await withDeadline(ask, timeoutMilliseconds, late)
}

/**
 * Returns the payload of a compact JWS (RFC 7515 §7.1) that a record key signed as a feed. Token keys are in another
 * set, so a feed signed with one is refused. Throws `FeedRefused`. Does not check any claim.
 */
async function openFeed(text: string, keys: KeySet): Promise<unknown> {
  try {
    return (await openRecord(text, keys, feedType)).payload
  } catch (error) {
    throw error instanceof RecordRefused ? new FeedRefused(error.message) : error
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
