import { sql } from 'drizzle-orm'
import type { Database } from './database.ts'

/**
 * What autovacuum does on a PostgreSQL server: the embedded one has none, and without it each update makes a table longer for ever, and
 * queries are planned for the tables of the first day. Takes the tables that autovacuum would take by its defaults (PostgreSQL §25.1.6), one
 * after the other, so that other calls wait for one table at the most. Nothing on a server, which does it by itself.
 */
export async function tidyEmbedded({ kind, db }: Pick<Database, 'kind' | 'db'>): Promise<void> {
  if (kind !== 'embedded') return
  // What was counted a moment ago may not be told yet.
  await db.execute(sql`select pg_stat_force_next_flush()`)
  const worn = await db
    .select({ table: sql<string>`tables.relname` })
    .from(sql`pg_stat_user_tables used join pg_class tables on tables.oid = used.relid`)
    .where(
      sql`used.n_dead_tup > 50 + 0.2 * greatest(tables.reltuples, 0) or used.n_mod_since_analyze > 50 + 0.1 * greatest(tables.reltuples, 0)`,
    )
  for (const { table } of worn) await db.execute(sql`vacuum (analyze) ${sql.identifier(table)}`)
}
