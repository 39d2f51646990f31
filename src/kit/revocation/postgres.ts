import { allowsStandby, postgresHosts } from '../postgres-hosts.ts'
import { backgroundTimer, monotonicMilliseconds, positiveMilliseconds, runsOnWorkers } from '../runtime.ts'
import type { RevocationList } from './revocation-list.ts'
import { createStrictList } from './strict.ts'
import { createSyncedList } from './synced.ts'
import { discard, listen, openClient } from './view-client.ts'
import { createViewReader } from './view-reader.ts'

export type PostgresRevocationListOptions = {
  /**
   * `postgres://…` URL of the service's database. The user must be a member of the role `mintage_revocation_reader`:
   * the list needs only the view. With several hosts (`postgres://reader@first:5432,second:5432/mintage`), the one that
   * is a primary is used.
   */
  url: string
  /**
   * `synced` (default): the list is in memory, and checks do no I/O. NOTIFY and a poll bring changes. `strict` (default
   * on Workers): an indexed query for each check, never stale.
   */
  mode?: 'synced' | 'strict'
  /**
   * `transaction` behind PgBouncer or Hyperdrive: uses no named prepared statements, and LISTEN only with `directUrl`.
   * Default: `none`, on Workers `transaction`.
   */
  pooler?: 'none' | 'transaction'
  /** A connection that bypasses the pooler, used only for LISTEN. */
  directUrl?: string
  /** Default 1000. Jitter shortens each interval by 5 to 25 %. */
  pollMilliseconds?: number
  /** Once the list is older than this, it refuses to answer. `synced` only. Default 10000. */
  maximumStalenessMilliseconds?: number
  /** For each call to the database. Default 1500. */
  deadlineMilliseconds?: number
  now?: () => Date
  /** A clock in milliseconds that never jumps. Default: the runtime's. */
  monotonic?: () => number
}

/**
 * A list that reads the view `mintage_revocations_v2`, for applications beside the service's database. Refuses a
 * replica, because one that lags gives stale answers. Needs the package `postgres`. Does no I/O before the first check,
 * or before `ready` is called.
 *
 * Does not check:
 * - the token's signature, claims and expiry: the verifier does that before it asks;
 * - `synced`: what was committed since its last read. It answers from memory until that read is older than
 *   `maximumStalenessMilliseconds`;
 * - `strict`: what is committed while its query runs. The next check sees it;
 * - whether the database belongs to the verifier's issuer: any database with the view is accepted;
 * - whether the connection is encrypted: set `sslmode` in the URL, `verify-full` to check the server's certificate too.
 *
 * Throws `TypeError` for options that cannot work. Its text never contains the URL.
 *
 * @example
 * ```ts
 * import { postgresRevocationList } from 'mintage/revocation'
 * import { createVerifier } from 'mintage/verify'
 *
 * const revocations = postgresRevocationList({ url: process.env.MINTAGE_REVOCATIONS_URL ?? '' })
 * export const verifier = createVerifier({ issuer: 'https://auth.example', audience: 'https://api.example', revocations })
 * ```
 */
export function postgresRevocationList(options: PostgresRevocationListOptions): RevocationList {
  const onWorkers = runsOnWorkers()
  const { mode = onWorkers ? 'strict' : 'synced', now = () => new Date(), monotonic = monotonicMilliseconds } = options
  const deadlineMilliseconds = positiveMilliseconds('deadlineMilliseconds', options.deadlineMilliseconds ?? 1500)
  const connection = {
    ...options,
    deadlineMilliseconds,
    pooler: options.pooler ?? (onWorkers ? 'transaction' : 'none'),
  } as const
  const nextUrl = inTurn(checkUrl('url', options.url))
  const nextDirectUrl = options.directUrl === undefined ? undefined : inTurn(checkUrl('directUrl', options.directUrl))
  // On Workers a connection belongs to the request that opened it.
  const reader = createViewReader({
    open: (onLost) => openClient({ ...connection, url: nextUrl(), onLost }),
    discard,
    keepsClient: !onWorkers,
    deadlineMilliseconds,
  })
  if (mode === 'strict') {
    return createStrictList({
      find: reader.find,
      now,
      monotonic,
      endOfTurn: onWorkers ? undefined : endOfTurn,
      close: reader.close,
    })
  }
  const listenUrl = nextDirectUrl ?? (connection.pooler === 'none' ? inTurn(checkUrl('url', options.url)) : undefined)
  return createSyncedList(
    listenUrl === undefined ? reader : { ...reader, listen: (onChange) => listen(listenUrl, onChange) },
    {
      now,
      monotonic,
      pollMilliseconds: options.pollMilliseconds ?? 1000,
      maximumStalenessMilliseconds: options.maximumStalenessMilliseconds ?? 10_000,
      deadlineMilliseconds: 20 * deadlineMilliseconds,
      inRequest: onWorkers,
      startsWhenAsked: true,
    },
  )
}

/** The URL parser's errors quote the URL with its password, so they are not passed on. */
function checkUrl(name: string, url: string): readonly [string, ...string[]] {
  const urls = postgresHosts(url)
  if (!urls) throw new TypeError(`${name} must be a postgres:// URL`)
  if (allowsStandby(url)) throw new TypeError(`${name} must not allow a standby: leave target_session_attrs out`)
  return urls
}

/** A client is discarded after any error, so the next one tries the next host. */
function inTurn(urls: readonly [string, ...string[]]): () => string {
  let next = 0
  return () => urls[next++ % urls.length] ?? urls[0]
}

/** Runs the task when all checks of this turn of the event loop have been collected. */
function endOfTurn(task: () => void): void {
  if (typeof setImmediate === 'function') setImmediate(task)
  else backgroundTimer(task, 0)
}
