import { getTableName, sql } from 'drizzle-orm'
import { bigint, pgSchema, text } from 'drizzle-orm/pg-core'
import type { Db } from './database.ts'
import { latestMigration } from './latest-migration.ts'
import { serviceState } from './schema.ts'

/**
 * `ahead`: a newer version of Mintage migrated the database, and this code still works on it. `too_new`: it does not.
 * No code starts on either.
 */
type MigrationState = 'current' | 'behind' | 'ahead' | 'too_new' | 'empty'

/**
 * Compares the schema of the database with the one that this code expects. Only reads; needs `select` on drizzle's
 * journal.
 */
export async function migrationState(db: Db): Promise<MigrationState> {
  const applied = await findAppliedMigrations(db)
  if (applied === undefined) return 'empty'
  if (applied.last < latestMigration.when) return 'behind'
  if (applied.last === latestMigration.when) return 'current'
  return latestMigration.when < applied.oldestUsable ? 'too_new' : 'ahead'
}

/** Drizzle's journal of applied migrations. */
const appliedMigrations = pgSchema('drizzle').table('__drizzle_migrations', {
  hash: text('hash').notNull(),
  createdAt: bigint('created_at', { mode: 'number' }).notNull(),
})

/**
 * `last`: `when` of the newest applied migration. `oldestUsable`: code that knows no migration of this time or a later
 * one cannot use the schema. A migration that shuts out older code writes it into the comment of `service_state`
 * (docs/migrations.md). Undefined while the database is empty.
 */
export async function findAppliedMigrations(db: Db): Promise<{ last: number; oldestUsable: number } | undefined> {
  const [journal] = await db
    .select({
      exists: sql<boolean>`to_regclass('drizzle.__drizzle_migrations') is not null`,
      comment: sql<string | null>`obj_description(to_regclass(${getTableName(serviceState)}), 'pg_class')`,
    })
    .from(sql`(select 1) as one`)
  if (!journal?.exists) return undefined
  const [newest] = await db
    .select({ when: sql`max(${appliedMigrations.createdAt})`.mapWith(Number) })
    .from(appliedMigrations)
  if (!newest?.when) return undefined
  return { last: newest.when, oldestUsable: Number(shutOut.exec(journal.comment ?? '')?.[1] ?? 0) }
}

/** `npm run generate -- --older-code stops` writes this sentence into the migration. */
const shutOut = /code without migration (\d+) cannot use this schema/
