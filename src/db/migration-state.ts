import { sql } from 'drizzle-orm'
import { bigint, pgSchema, text } from 'drizzle-orm/pg-core'
import type { Db } from './database.ts'
import { latestMigration } from './latest-migration.ts'

/** `ahead`: the database was migrated by a newer version of Mintage. */
type MigrationState = 'current' | 'behind' | 'ahead' | 'empty'

/**
 * Compares the schema of the database with the one that this code expects. Only reads; needs `select` on drizzle's
 * journal.
 */
export async function migrationState(db: Db): Promise<MigrationState> {
  const applied = await findLastMigration(db)
  if (applied === undefined) return 'empty'
  if (applied < latestMigration.when) return 'behind'
  return applied > latestMigration.when ? 'ahead' : 'current'
}

/** Drizzle's journal of applied migrations. */
const appliedMigrations = pgSchema('drizzle').table('__drizzle_migrations', {
  hash: text('hash').notNull(),
  createdAt: bigint('created_at', { mode: 'number' }).notNull(),
})

/** `when` of the newest applied migration; undefined if there is none. */
export async function findLastMigration(db: Db): Promise<number | undefined> {
  const [journal] = await db
    .select({ exists: sql<boolean>`to_regclass('drizzle.__drizzle_migrations') is not null` })
    .from(sql`(select 1) as one`)
  if (!journal?.exists) return undefined
  const [last] = await db
    .select({ when: sql`max(${appliedMigrations.createdAt})`.mapWith(Number) })
    .from(appliedMigrations)
  return last?.when || undefined
}
