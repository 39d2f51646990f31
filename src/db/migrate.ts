import { fileURLToPath } from 'node:url'
import { readMigrationFiles } from 'drizzle-orm/migrator'
import { migrate as applyToPglite } from 'drizzle-orm/pglite/migrator'
import { drizzle } from 'drizzle-orm/postgres-js'
import { migrate as applyToPostgres } from 'drizzle-orm/postgres-js/migrator'
import type { Sql, TransactionSql } from 'postgres'
import postgres from 'postgres'
import { limitSockets } from '../kit/postgres-driver.ts'
import type { Db } from './database.ts'
import { engineFault } from './engine.ts'
import { isConnectionLoss } from './failure.ts'
import { createHosts } from './hosts.ts'
import { findAppliedMigrations } from './migration-state.ts'
import type { EmbeddedDatabase } from './pglite.ts'
import { inRecovery, primaryWanted, readOnly } from './server-role.ts'
import { sessionSettings, setStatements } from './session-settings.ts'

/** Next to package.json, seen from `src/db/` and from `dist/db/`. */
export const migrationsFolder = fileURLToPath(new URL('../../drizzle', import.meta.url))

/**
 * Migrates the schema to this version: completely or not at all, one process at a time. Repeating it changes nothing.
 * @param target Connection string of the database's owner, preferably not through a pooler; or the open embedded
 * database.
 * @throws Error with a message for the operator if a newer version migrated the database.
 *
 * @example
 * ```ts
 * import { migrate } from 'mintage/node'
 *
 * await migrate('postgres://owner@localhost/mintage')
 * ```
 */
export async function migrate(target: string | EmbeddedDatabase): Promise<void> {
  if (typeof target === 'string') return migratePostgres(target)
  await refuseNewerSchema(target.db)
  await applyToPglite(target.undeadlined, { migrationsFolder })
}

/** On the first host that answers and can be written to. */
async function migratePostgres(url: string): Promise<void> {
  const hosts = createHosts(url)
  for (let untried = hosts.count; ; untried--) {
    const host = hosts.current()
    try {
      return await migrateHost(host)
    } catch (error) {
      const isElsewhere = error instanceof UnfitServerError || isConnectionLoss(error)
      if (!isElsewhere || untried === 1) throw error
      hosts.failed(host)
    }
  }
}

class UnfitServerError extends Error {}

const limits = { statement_timeout: 0, lock_timeout: 0, idle_in_transaction_session_timeout: '60s' }

const utf8Wanted = (encoding: string) =>
  `the encoding of the database is ${encoding}, which cannot store every name. Create a database for mintage: create database mintage encoding 'UTF8' template template0`

/**
 * The advisory lock ends with the transaction, so neither a pooler nor a lost connection leaves it behind. A row cannot
 * be locked instead, because the first migration creates the tables. On an engine without advisory locks, run only one
 * migration at a time: a second one fails because a table exists already, and changes nothing.
 */
async function migrateHost(url: string): Promise<void> {
  const sql = postgres(url, {
    max: 1,
    connect_timeout: 10,
    onnotice: ({ message }) => tell(message),
    connection: { application_name: 'mintage migrate' },
  })
  limitSockets(sql)
  try {
    const [server] = await sql`select version()`
    const fault = engineFault(String(server?.version))
    if (fault !== undefined) throw new Error(fault)
    const [role] = await sql`
      select pg_is_in_recovery() as replica, current_setting('transaction_read_only') = 'on' as read_only,
      current_setting('server_encoding') as encoding`
    if (role?.encoding !== 'UTF8') throw new Error(utf8Wanted(String(role?.encoding)))
    if (role?.replica || role?.read_only)
      throw new UnfitServerError(primaryWanted(role.replica ? inRecovery : readOnly))
    await sql.begin('isolation level read committed', async (tx) => {
      for (const statement of setStatements({ ...sessionSettings, ...limits }, 'local')) await tx.unsafe(statement)
      await tx`select pg_advisory_xact_lock(hashtext('mintage'), hashtext('migrate'))`
      const db = drizzle(transactionAsClient(sql, tx))
      await refuseNewerSchema(db)
      await applyToPostgres(db, { migrationsFolder })
    })
  } finally {
    await sql.end({ timeout: 1 })
  }
}

/** Turns the transaction that drizzle's migrator opens into a savepoint. Drizzle uses only these members. */
function transactionAsClient(sql: Sql, tx: TransactionSql): Sql {
  const client = { options: sql.options, unsafe: tx.unsafe, begin: tx.savepoint }
  return client as unknown as Sql
}

async function refuseNewerSchema(db: Db): Promise<void> {
  const newest = readMigrationFiles({ migrationsFolder }).at(-1)?.folderMillis ?? 0
  const applied = await findAppliedMigrations(db)
  if (applied !== undefined && applied.last > newest) {
    throw new Error(
      'a newer version of mintage migrated this database: start that version, or restore a backup that this version made',
    )
  }
}

/** Prints only the notices of our migrations. PostgreSQL also sends "already exists, skipping" on every run. */
function tell(message: string | undefined): void {
  if (message?.includes('mintage_revocation_reader')) process.stderr.write(`notice: ${message}\n`)
}
