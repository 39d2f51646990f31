import { sql } from 'drizzle-orm'
import type { Db } from './database.ts'

type OpenTransactions = {
  /** Transactions of this database that were prepared and neither committed nor rolled back, oldest first. */
  readonly prepared: readonly { readonly id: string; readonly minutes: number }[]
  /** Sessions of the whole server whose transaction is open for longer than asked, oldest first. */
  readonly long: readonly { readonly pid: number; readonly program: string; readonly minutes: number }[]
}

const mostNamed = 20

/**
 * Transactions that keep locks, or keep dead rows from being removed. Without the role `pg_read_all_stats`, PostgreSQL
 * shows only sessions of one's own role.
 */
export async function findOpenTransactions(db: Db, longerThanSeconds: number): Promise<OpenTransactions> {
  const minutesSince = (since: string) =>
    sql<number>`floor(extract(epoch from clock_timestamp() - ${sql.raw(since)}) / 60)`.mapWith(Number)
  const prepared = await db
    .select({ id: sql<string>`gid`, minutes: minutesSince('prepared') })
    .from(sql`pg_prepared_xacts`)
    .where(sql`database = current_database()`)
    .orderBy(sql`prepared`)
    .limit(mostNamed)
  const long = await db
    .select({
      pid: sql<number>`pid`,
      program: sql<string>`concat_ws(' ', nullif(application_name, ''), 'as ' || usename)`,
      minutes: minutesSince('xact_start'),
    })
    .from(sql`pg_stat_activity`)
    .where(
      sql`backend_type = 'client backend' and pid <> pg_backend_pid() and extract(epoch from clock_timestamp() - xact_start) > ${longerThanSeconds}::float8`,
    )
    .orderBy(sql`xact_start`)
    .limit(mostNamed)
  return { prepared, long }
}
