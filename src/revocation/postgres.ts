import type { RevocationList } from './revocation-list.ts'
import { backgroundTimer, monotonicMilliseconds, positiveMilliseconds, runsOnWorkers, withDeadline } from './runtime.ts'
import { createStrictList } from './strict.ts'
import { createSyncedList } from './synced.ts'
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
  /** Past the pooler, for LISTEN alone. */
  directUrl?: string
  /** Default 1000, with jitter downwards. */
  pollMilliseconds?: number
  /** No news for longer is no answer. Default 10000. */
  maximumStalenessMilliseconds?: number
  /** For each call to the database. Default 1500. */
  deadlineMilliseconds?: number
  now?: () => Date
  /** Milliseconds that never jump; the process's own when left out. */
  monotonic?: () => number
}

/**
 * The revocation list by the view `mintage_revocations_v1`, for applications beside the service's database. Refuses a replica: one that
 * lags answers, and is stale. Needs the package `postgres`. Does no I/O before it is first asked, or told to be `ready`.
 *
 * Throws `TypeError` for options that cannot work; the text never holds the URL.
 */
export function postgresRevocationList(options: PostgresRevocationListOptions): RevocationList {
  const onWorkers = runsOnWorkers()
  const { mode = onWorkers ? 'strict' : 'synced', now = () => new Date(), monotonic = monotonicMilliseconds } = options
  const deadlineMilliseconds = positiveMilliseconds('deadlineMilliseconds', options.deadlineMilliseconds ?? 1500)
  const connection = { ...options, deadlineMilliseconds, pooler: options.pooler ?? (onWorkers ? 'transaction' : 'none') } as const
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
    return createStrictList({ find: reader.find, now, monotonic, endOfTurn: onWorkers ? undefined : endOfTurn, close: reader.close })
  }
  const listenUrl = options.directUrl ?? (connection.pooler === 'none' ? options.url : undefined)
  return createSyncedList(listenUrl === undefined ? reader : { ...reader, listen: (onChange) => listen(listenUrl, onChange) }, {
    now,
    monotonic,
    pollMilliseconds: options.pollMilliseconds ?? 1000,
    maximumStalenessMilliseconds: options.maximumStalenessMilliseconds ?? 10_000,
    deadlineMilliseconds: 20 * deadlineMilliseconds,
    inRequest: onWorkers,
    startsWhenAsked: true,
  })
}

/** The name of `revocationChannel` in queries.ts, which an application does not load. */
const channel = 'mintage_revocations'

type Connection = { url: string; pooler: 'none' | 'transaction'; deadlineMilliseconds: number }

/**
 * An open client of postgres.js. Its types stay inside, and out of the declarations: nobody who imports a list needs the driver.
 * @internal
 */
export type Client = Awaited<ReturnType<typeof openClient>>

/** Listens on a connection of its own, which postgres.js opens again when it breaks. */
async function listen(url: string, onChange: () => void): Promise<() => Promise<void>> {
  const client = openClient({ url, pooler: 'none', deadlineMilliseconds: 5000 })
  try {
    const late = () => new Error('the database did not accept LISTEN')
    await withDeadline(
      client.then((sql) => sql.listen(channel, onChange, onChange)),
      5000,
      late,
    )
  } catch (error) {
    void discard(client)
    throw error
  }
  return () => discard(client)
}

async function openClient({ url, pooler, deadlineMilliseconds }: Connection) {
  const { default: postgres } = await import('postgres').catch((cause: unknown) => {
    throw new Error('the package `postgres` is missing: npm install postgres', { cause })
  })
  return postgres(url, {
    max: 1,
    prepare: pooler === 'none',
    // Only base types are read: this saves a query on the catalogue for each connection.
    fetch_types: false,
    connect_timeout: deadlineMilliseconds / 1000,
    connection: { application_name: 'mintage-revocations' },
    onnotice: () => {},
  })
}

async function discard(client: Promise<Client>): Promise<void> {
  await client.then((sql) => sql.end({ timeout: 0 })).catch(() => {})
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
