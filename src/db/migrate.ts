import { fileURLToPath } from 'node:url'
import { readMigrationFiles } from 'drizzle-orm/migrator'
import { migrate as applyToPglite } from 'drizzle-orm/pglite/migrator'
import { drizzle } from 'drizzle-orm/postgres-js'
import { migrate as applyToPostgres } from 'drizzle-orm/postgres-js/migrator'
import type { Sql, TransactionSql } from 'postgres'
import postgres from 'postgres'
import type { Db } from './database.ts'
import { findLastMigration } from './migration-state.ts'
import type { EmbeddedDatabase } from './pglite.ts'

/** Beside package.json, from `src/db/` as from `dist/db/`. */
export const migrationsFolder = fileURLToPath(new URL('../../drizzle', import.meta.url))

/**
 * Brings the schema up to this version: all of it or nothing, one process at a time. Doing it again changes nothing.
 * @param target The connection string of PostgreSQL's owner, not through a pooler if that can be helped; or the open embedded database.
 * @throws Error in words when the database was migrated by a newer version.
 */
export async function migrate(target: string | EmbeddedDatabase): Promise<void> {
  if (typeof target === 'string') return migratePostgres(target)
  await refuseNewerSchema(target.db)
  await applyToPglite(target.undeadlined, { migrationsFolder })
}

/** One transaction under an advisory lock that ends with it, so that neither a pooler nor a lost connection leaves it behind. */
async function migratePostgres(url: string): Promise<void> {
  const sql = postgres(url, {
    max: 1,
    connect_timeout: 10,
    onnotice: ({ message }) => tell(message),
    connection: { application_name: 'mintage migrate' },
  })
  try {
    await sql.begin(async (tx) => {
      await tx`set local statement_timeout = 0`
      await tx`set local idle_in_transaction_session_timeout = '60s'`
      await tx`select pg_advisory_xact_lock(hashtext('mintage'), hashtext('migrate'))`
      const db = drizzle(transactionAsClient(sql, tx))
      await refuseNewerSchema(db)
      await applyToPostgres(db, { migrationsFolder })
    })
  } finally {
    await sql.end({ timeout: 1 })
  }
}

/** Drizzle's migrator opens a transaction of its own: here it becomes a savepoint of ours. Drizzle touches only these members. */
function transactionAsClient(sql: Sql, tx: TransactionSql): Sql {
  const client = { options: sql.options, unsafe: tx.unsafe, begin: tx.savepoint }
  return client as unknown as Sql
}

async function refuseNewerSchema(db: Db): Promise<void> {
  const newest = readMigrationFiles({ migrationsFolder }).at(-1)?.folderMillis ?? 0
  const applied = await findLastMigration(db)
  if (applied !== undefined && applied > newest) {
    throw new Error(
      'the database has the schema of a newer version of mintage; start that version, or restore a backup made by this one',
    )
  }
}

/** PostgreSQL says "already exists, skipping" for what every repeated migration does; only our own notices are worth a line. */
function tell(message: string | undefined): void {
  if (message?.includes('mintage_revocation_reader')) process.stderr.write(`notice: ${message}\n`)
}
