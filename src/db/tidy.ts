import { sql } from 'drizzle-orm'
import type { Database } from './database.ts'

/**
 * Replaces autovacuum, which the embedded database does not have. Without it, tables grow with every update and the
 * planner's statistics never change. Vacuums the tables that autovacuum would choose by its defaults (PostgreSQL
 * §25.1.6). Vacuums one table at a time, so that other calls wait for one table at most. Does nothing on a PostgreSQL
 * server.
 */
export async function tidyEmbedded({ kind, db }: Pick<Database, 'kind' | 'db'>): Promise<void> {
  if (kind !== 'embedded') return
  // Recent changes may not be in the statistics yet.
  await db.execute(sql`select pg_stat_force_next_flush()`)
  const worn = await db
    .select({ table: sql<string>`tables.relname` })
    .from(sql`pg_stat_user_tables used join pg_class tables on tables.oid = used.relid`)
    .where(
      sql`used.n_dead_tup > 50 + 0.2 * greatest(tables.reltuples, 0) or used.n_mod_since_analyze > 50 + 0.1 * greatest(tables.reltuples, 0)`,
    )
  for (const { table } of worn) await db.execute(sql`vacuum (analyze) ${sql.identifier(table)}`)
}
