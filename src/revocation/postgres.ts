import type { RevocationKind, RevocationList } from './revocation-list.ts'
import type { IndexedRule } from './rule-index.ts'
import { effectOf, ruleName } from './rules.ts'
import { backgroundTimer, monotonicMilliseconds, positiveMilliseconds, runsOnWorkers, withDeadline } from './runtime.ts'
import { createStrictList } from './strict.ts'
import { createSyncedList, type RevocationSource } from './synced.ts'
import type { RevocationRow } from './synced-rules.ts'

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
  const reader = createViewReader(connection, onWorkers ? 'once' : 'kept')
  if (mode === 'strict') {
    return createStrictList({ find: reader.find, now, monotonic, endOfTurn: onWorkers ? undefined : endOfTurn, close: reader.close })
  }
  const listenUrl = options.directUrl ?? (connection.pooler === 'none' ? options.url : undefined)
  return createSyncedList(listenUrl === undefined ? reader : { ...reader, listen: (onChange) => listen(listenUrl, onChange) }, {
    now,
    monotonic,
    pollMilliseconds: options.pollMilliseconds ?? 1000,
    maximumStalenessMilliseconds: options.maximumStalenessMilliseconds ?? 10_000,
    // Two statements at most: a full load may follow a poll.
    deadlineMilliseconds: 2 * deadlineMilliseconds + 100,
    inRequest: onWorkers,
    startsWhenAsked: true,
  })
}

/** The name of `revocationChannel` in queries.ts, which an application does not load. */
const channel = 'mintage_revocations'

type Connection = { url: string; pooler: 'none' | 'transaction'; deadlineMilliseconds: number }
type Client = Awaited<ReturnType<typeof openClient>>

/** One statement each, on one connection, which is thrown away whenever something went wrong on it: postgres.js never gives up by itself. */
function createViewReader(connection: Connection, keeps: 'kept' | 'once') {
  let opened: Promise<Client> | undefined
  let closed = false

  async function withClient<T>(task: (client: Client) => Promise<T>): Promise<T> {
    if (closed) throw new Error('the list is closed')
    const mine = keeps === 'kept' ? (opened ?? openClient(connection)) : openClient(connection)
    if (keeps === 'kept') opened = mine
    try {
      const late = () => new Error(`the database gave no answer within ${connection.deadlineMilliseconds} ms`)
      const result = await withDeadline(mine.then(task), connection.deadlineMilliseconds, late)
      if (keeps === 'once') void discard(mine)
      return result
    } catch (error) {
      if (opened === mine) opened = undefined
      void discard(mine)
      throw error
    }
  }

  return {
    read: (from: bigint) =>
      withClient(async (sql) => {
        const rows = await sql<(PolledRow & { snapshot: string })[]>`
          select v.id, v.kind, v.value, v.max_version, v.issued_before, v.effective_at, v.expires_at, v.lifted, v.xact_id::text as xact_id,
            s.generation::text as generation, pg_current_snapshot()::text as snapshot, pg_is_in_recovery() as replica
          from (select generation from mintage_revocations_v1 limit 1) s
          left join mintage_revocations_v1 v on v.xact_id >= ${from.toString()}::text::xid8`
        const first = requirePrimary(rows)
        return { rows: rows.filter(hasId).map(revocationRow), generation: Number(first.generation), snapshot: first.snapshot }
      }),
    find: (names: readonly string[]) =>
      withClient(async (sql) => {
        // What PostgreSQL cannot hold as text can be the name of no rule, and would fail the whole batch.
        const asked = JSON.stringify(names.filter((name) => name.isWellFormed() && !name.includes('\0')))
        const rows = await sql<PolledRow[]>`
          select v.id, v.kind, v.value, v.max_version, v.issued_before, v.effective_at, v.expires_at, v.lifted, v.xact_id::text as xact_id,
            s.generation::text as generation, pg_is_in_recovery() as replica
          from (select generation from mintage_revocations_v1 limit 1) s
          left join (
            select split_part(name, ':', 1) as kind, substr(name, strpos(name, ':') + 1) as value
            from json_array_elements_text(${asked}::text::json) as name
          ) asked on true
          left join mintage_revocations_v1 v on v.kind = asked.kind and v.value = asked.value and not v.lifted`
        requirePrimary(rows)
        const found = new Map<string, IndexedRule[]>()
        for (const row of rows.filter(hasId).map(revocationRow)) {
          const name = ruleName(row.kind, row.value)
          found.set(name, [...(found.get(name) ?? []), { id: row.id, ...effectOf(row) }])
        }
        return found
      }),
    async close() {
      closed = true
      const last = opened
      opened = undefined
      if (last) await discard(last)
    },
  } satisfies RevocationSource & { find(names: readonly string[]): Promise<ReadonlyMap<string, readonly IndexedRule[]>> }
}

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

/** Columns of the view, `id` and with it all of a rule null where there is no rule. */
type PolledRow = {
  id: string | null
  kind: RevocationKind
  value: string
  max_version: number | null
  issued_before: number | null
  effective_at: number
  expires_at: number | null
  lifted: boolean
  xact_id: string
  generation: string
  replica: boolean
}

function requirePrimary<Row extends PolledRow>(rows: readonly Row[]): Row {
  const [first] = rows
  if (!first) throw new Error('the database was never started: the view has no generation')
  if (first.replica) throw new Error('the database is a replica, which answers and is stale')
  return first
}

function hasId<Row extends PolledRow>(row: Row): row is Row & { id: string } {
  return row.id !== null
}

function revocationRow(row: PolledRow & { id: string }): RevocationRow {
  const { id, kind, value, lifted } = row
  return {
    id,
    kind,
    value,
    lifted,
    maxVersion: row.max_version,
    issuedBefore: row.issued_before,
    effectiveAt: row.effective_at,
    expiresAt: row.expires_at,
    xactId: BigInt(row.xact_id),
  }
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
