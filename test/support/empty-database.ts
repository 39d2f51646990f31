import { sql } from 'drizzle-orm'
import { releaseAfterFile } from './cleanup.ts'
import { emptyAllTables } from './database-pool.ts'
import { type DatabaseKind, openTestDatabase, type TestDatabase } from './databases.ts'

const opened = new Map<DatabaseKind, Promise<TestDatabase>>()

/**
 * One database of each kind for the whole test file, without rows: a service that a previous test started on it is
 * over. Cheaper than `openTestDatabase`, which is for tests that close their database or change its tables.
 */
export async function emptiedDatabase(kind: DatabaseKind): Promise<TestDatabase> {
  const known = opened.get(kind)
  if (!known) return await open(kind)
  const database = await known
  await database.db.execute(sql.raw(emptyAllTables))
  return database
}

function open(kind: DatabaseKind): Promise<TestDatabase> {
  const database = openTestDatabase(kind)
  opened.set(kind, database)
  releaseAfterFile(async () => opened.delete(kind))
  return database
}
