import type { PgDatabase, PgQueryResultHKT } from 'drizzle-orm/pg-core'
import type { Budget } from './deadline.ts'
import type { WriteRefusal } from './refused-writes.ts'

/** The first argument of every query: PGlite, postgres.js, or a transaction of either. */
export type Db = PgDatabase<PgQueryResultHKT, Record<string, never>>

export type DatabaseStats = {
  /** Calls that are running or waiting for a connection. */
  inFlight: number
  /** True while the breaker refuses calls without trying. */
  broken: boolean
  /** Changes that the server refused since the start, because its disk was full or a lock was held for too long. */
  refusedWrites: Readonly<Record<WriteRefusal, number>>
  /** The latest of these in the last minute. */
  refusedLately: WriteRefusal | undefined
}

/**
 * An open database. Every call through `db` has a deadline. A call that misses it fails with `database_unavailable` or
 * `outcome_unknown`.
 */
export type Database = {
  readonly kind: 'embedded' | 'postgres'
  readonly db: Db
  /**
   * For the reads of an exchange: connections and a breaker that writes cannot take away, however many wait for a lock.
   * Absent = `db`.
   */
  readonly reads?: Db
  /** `db` for one request: all its calls together have this time. */
  within(budget: Budget): Db
  /** The embedded database without deadlines: for migrations and the first start, when nothing else waits for it. */
  readonly undeadlined?: Db
  /**
   * Calls `onNotify` for every NOTIFY on the channel, and once after each (re)connection.
   * Undefined where LISTEN cannot work: behind a transaction pooler and on Workers.
   */
  listen?(channel: string, onNotify: () => void): Promise<() => Promise<void>>
  /**
   * What is wrong with the files of the embedded database; undefined = nothing. A call might not notice for a while.
   */
  fault?(): Promise<string | undefined>
  stats(): DatabaseStats
  close(): Promise<void>
}
