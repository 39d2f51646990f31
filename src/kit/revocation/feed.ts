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
  /** Default 1000, with jitter downwards. */
  readonly refreshMilliseconds?: number
  /** Once the last news is older than this, the list refuses to answer. Default 10000. */
  readonly maximumStalenessMilliseconds?: number
  /** For each request. Default 5000. */
  readonly timeoutMilliseconds?: number
  /** How far this clock and the service's may differ. Default 30. */
  readonly clockToleranceSeconds?: number
  /** Longer documents are refused. Default 33554432, room for some 300,000 rules. */
  readonly maximumBytes?: number
  /** Read again inside the check instead of by a timer. Default: on Workers only, where there is no other way. */
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
 * A revocation arrives within two refreshes. An attacker who holds documents back on the way can make the list at most
 * `maximumStalenessMilliseconds` old, and the first document after a start older by the clock tolerance. Throws
 * `TypeError` for invalid options.
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
      source = undefined // it may have moved: fetch the metadata again
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
    // `manual` and not `error`, which Workers do not know; the status of a redirect is refused below.
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
 * The payload of a compact JWS (RFC 7515 §7.1) that a record key signed as a feed. Token keys are in another set and sign nothing that is
 * believed here. Throws `FeedRefused`. Does not check any claim.
 */
async function openFeed(text: string, keys: KeySet): Promise<unknown> {
  try {
    return (await openRecord(text, keys, feedType)).payload
  } catch (error) {
    throw error instanceof RecordRefused ? new FeedRefused(error.message) : error
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
