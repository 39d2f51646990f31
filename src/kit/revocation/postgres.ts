import { backgroundTimer, monotonicMilliseconds, positiveMilliseconds, runsOnWorkers } from '../runtime.ts'
import type { RevocationList } from './revocation-list.ts'
import { createStrictList } from './strict.ts'
import { createSyncedList } from './synced.ts'
import { discard, listen, openClient } from './view-client.ts'
import { createViewReader } from './view-reader.ts'

export type PostgresRevocationListOptions = {
  /** `postgres://…` of the service's database, as a member of the role `mintage_revocation_reader`: it needs the view and nothing else. */
  url: string
  /**
   * `synced` (default): the list in memory, checks without I/O, news by NOTIFY and by a poll. `strict` (default on Workers): one indexed
   * query a check, never stale.
   */
  mode?: 'synced' | 'strict'
  /** `transaction` behind PgBouncer or Hyperdrive: neither LISTEN nor named prepared statements. */
  pooler?: 'none' | 'transaction'
  /** A connection past the pooler, only for LISTEN. */
  directUrl?: string
  /** Default 1000, with jitter downwards. */
  pollMilliseconds?: number
  /** If the list was not updated for longer, it no longer answers. Default 10000. */
  maximumStalenessMilliseconds?: number
  /** For each call to the database. Default 1500. */
  deadlineMilliseconds?: number
  now?: () => Date
  /** Milliseconds that never jump. Defaults to the clock of the process. */
  monotonic?: () => number
}

/**
 * The revocation list by the view `mintage_revocations_v1`, for applications beside the service's database. Refuses a replica: one that
 * lags answers, and is stale. Needs the package `postgres`. Does no I/O before it is first asked, or told to be `ready`.
 *
 * Throws `TypeError` for options that cannot work; the text never holds the URL.
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
  checkUrl('url', options.url)
  if (options.directUrl !== undefined) checkUrl('directUrl', options.directUrl)
  // On Workers a connection belongs to the request that opened it.
  const reader = createViewReader({
    open: () => openClient(connection),
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
  const listenUrl = options.directUrl ?? (connection.pooler === 'none' ? options.url : undefined)
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

/** The parser's own errors quote the URL, password and all: they are not passed on. */
function checkUrl(name: string, url: string): void {
  if (!URL.canParse(url) || !/^postgres(?:ql)?:\/\//.test(url)) throw new TypeError(`${name} must be a postgres:// URL`)
}

/** After the checks of this turn of the event loop have come together. */
function endOfTurn(task: () => void): void {
  if (typeof setImmediate === 'function') setImmediate(task)
  else backgroundTimer(task, 0)
}
