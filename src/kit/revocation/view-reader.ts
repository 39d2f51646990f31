import { backoffMilliseconds } from '../backoff.ts'
import { monotonicMilliseconds, withDeadline } from '../runtime.ts'
import type { RevocationKind } from './revocation-list.ts'
import type { IndexedRule } from './rule-index.ts'
import { effectOf, ruleName } from './rules.ts'
import { pageSize, type RevocationSource } from './synced.ts'
import type { RevocationBatch, RevocationRow } from './synced-rules.ts'
import type { Client } from './view-client.ts'

type ViewReaderOptions = {
  /** `onLost` is called when the client has lost its connection. It never gets another one. */
  open(onLost: () => void): Promise<Client>
  discard(client: Promise<Client>): Promise<void>
  /** False where a connection belongs to the request that opened it. */
  keepsClient: boolean
  deadlineMilliseconds: number
}

type ViewReader = RevocationSource & {
  /** The rules of these names, without lifted ones. */
  find(names: readonly string[]): Promise<ReadonlyMap<string, readonly IndexedRule[]>>
  close(): Promise<void>
}

/**
 * Reads the view `mintage_revocations_v2`, with one statement per read. Refuses a replica. Discards a client after any
 * error. After a second failure in a row it refuses to read for a while: checks of a strict list come at any rate.
 */
export function createViewReader({ open, discard, keepsClient, deadlineMilliseconds }: ViewReaderOptions): ViewReader {
  let opened: Promise<Client> | undefined
  let closed = false
  let failures = 0
  let failure: unknown
  let retryAt = 0

  /** The server may close an idle connection, as a restart does. The next read opens another one. */
  function openKept(): Promise<Client> {
    const client = open(() => {
      if (opened === client) opened = undefined
    })
    return client
  }

  async function withClient<T>(task: (client: Client) => Promise<T>): Promise<T> {
    if (closed) throw new Error('the list is closed')
    if (monotonicMilliseconds() < retryAt) throw failure
    const mine = (keepsClient ? opened : undefined) ?? openKept()
    if (keepsClient) opened = mine
    try {
      const late = () => new Error(`the database gave no answer within ${deadlineMilliseconds} ms`)
      const result = await withDeadline(() => mine.then(task), deadlineMilliseconds, late)
      if (!keepsClient) void discard(mine)
      failures = 0
      return result
    } catch (error) {
      if (opened === mine) opened = undefined
      void discard(mine)
      failure = error
      failures++
      if (failures > 1) retryAt = monotonicMilliseconds() + backoffMilliseconds(failures - 1, pauses)
      throw error
    }
  }

  return {
    read: (after) =>
      withClient(async (sql) =>
        batchOf(
          await sql<ViewRow[]>`
          select ${columns(sql)} from ${list(sql)} left join (
            select * from public.mintage_revocations_v2
            where id is not null and sequence > ${after}::bigint order by sequence limit ${pageSize}
          ) v on true
          order by v.sequence`,
        ),
      ),
    find: (names) =>
      withClient(async (sql) => {
        // PostgreSQL cannot store such text, so no rule has this name. In the query it would fail the whole batch.
        const asked = JSON.stringify(names.filter((name) => name.isWellFormed() && !name.includes('\0')))
        return byName(
          batchOf(
            await sql<ViewRow[]>`
            select ${columns(sql)} from ${list(sql)}
            left join (
              select split_part(name, ':', 1) as kind, substr(name, strpos(name, ':') + 1) as value
              from json_array_elements_text(${asked}::text::json) as name
            ) asked on true
            left join public.mintage_revocations_v2 v on v.kind = asked.kind and v.value = asked.value and not v.lifted`,
          ),
        )
      }),
    async close() {
      closed = true
      const last = opened
      opened = undefined
      if (last) await discard(last)
    },
  }
}

const pauses = { first: 100, longest: 2000 }

/** The row about the list itself. Joined to the rules, it gives one row even if no rule matches. */
const list = (sql: Client) => sql`(select * from public.mintage_revocations_v2 where id is null) l`

const columns = (sql: Client) => sql`
  v.id, v.kind, v.value, v.max_version, ${micros(sql, 'issued_before')}, ${micros(sql, 'effective_at')},
  ${micros(sql, 'expires_at')}, v.lifted, v.min_version, v.sequence::text as sequence,
  l.generation::text as generation, l.sequence::text as last_sequence, l.pruned_up_to::text as pruned_up_to,
  pg_is_in_recovery() as replica`

/** Whole microseconds: the digits of a fraction depend on `extra_float_digits`, which the role may set. */
const micros = (sql: Client, column: string) => sql`round(v.${sql(column)} * 1e6)::bigint as ${sql(column)}`

const secondsOf = (micros: string | null) => (micros === null ? null : Number(micros) / 1e6)

/** `id`, like every other column of a rule, is null if no rule matched. */
type ViewRow = {
  id: string | null
  kind: RevocationKind
  value: string
  max_version: number | null
  min_version: number | null
  issued_before: string | null
  effective_at: string | null
  expires_at: string | null
  lifted: boolean
  sequence: string
  generation: string
  last_sequence: string
  pruned_up_to: string
  replica: boolean
}

function batchOf(rows: readonly ViewRow[]): RevocationBatch {
  const [first] = rows
  if (!first) throw new Error('the database was never bootstrapped: run `mintage bootstrap`')
  if (first.replica) throw new Error('the database is a replica, which may be stale: connect to the primary')
  return {
    rows: rows.flatMap(({ id, ...row }) => (id === null ? [] : [revocationRow(id, row)])),
    generation: Number(first.generation),
    sequence: Number(first.last_sequence),
    prunedUpTo: Number(first.pruned_up_to),
  }
}

function revocationRow(id: string, row: Omit<ViewRow, 'id'>): RevocationRow {
  return {
    id,
    kind: row.kind,
    value: row.value,
    maxVersion: row.max_version,
    minVersion: row.min_version,
    issuedBefore: secondsOf(row.issued_before),
    effectiveAt: secondsOf(row.effective_at),
    expiresAt: secondsOf(row.expires_at),
    lifted: row.lifted,
    sequence: Number(row.sequence),
  }
}

function byName({ rows }: RevocationBatch): ReadonlyMap<string, readonly IndexedRule[]> {
  const found = new Map<string, IndexedRule[]>()
  for (const row of rows) {
    const name = ruleName(row.kind, row.value)
    found.set(name, [...(found.get(name) ?? []), { id: row.id, ...effectOf(row) }])
  }
  return found
}
