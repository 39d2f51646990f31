import type { PgDatabase, PgQueryResultHKT } from 'drizzle-orm/pg-core'

/** What every query takes: PGlite, postgres.js and a transaction of either satisfy it. */
export type Db = PgDatabase<PgQueryResultHKT, Record<string, never>>

export type DatabaseStats = {
  /** Calls under way or waiting for a connection. */
  inFlight: number
  /** True while the breaker refuses calls without trying. */
  broken: boolean
}

/** An open database: every call through `db` has a deadline, after which it fails with `database_unavailable` or `outcome_unknown`. */
export type Database = {
  readonly kind: 'embedded' | 'postgres'
  readonly db: Db
  /**
   * Calls `onNotify` for every NOTIFY on the channel, and once after each (re)connection.
   * Absent where PostgreSQL's LISTEN cannot work (behind a transaction pooler, on Workers).
   */
  listen?(channel: string, onNotify: () => void): Promise<() => Promise<void>>
  stats(): DatabaseStats
  close(): Promise<void>
}
