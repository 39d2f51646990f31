import { sql } from 'drizzle-orm'
import { releaseAfterFile } from './cleanup.ts'
import { type DatabaseKind, openTestDatabase, type TestDatabase } from './databases.ts'

const opened = new Map<DatabaseKind, Promise<TestDatabase>>()

/**
 * The file's own database of this kind, without a row, as after its migrations: what was there for a former test is over. Much cheaper
 * than a fresh one, which is for tests that close their database or leave its tables otherwise than they found them.
 */
export async function emptiedDatabase(kind: DatabaseKind): Promise<TestDatabase> {
  const known = opened.get(kind)
  if (!known) return await open(kind)
  const database = await known
  await database.db.execute(emptying)
  return database
}

function open(kind: DatabaseKind): Promise<TestDatabase> {
  const database = openTestDatabase(kind)
  opened.set(kind, database)
  releaseAfterFile(async () => opened.delete(kind))
  return database
}

/** Every table there is, in any order: as a replica PostgreSQL does not ask what refers to what. */
const emptying = sql.raw(`do $$
  declare name text;
  begin
    set local session_replication_role = replica;
    for name in select tablename from pg_tables where schemaname = 'public' loop
      execute format('delete from %I', name);
    end loop;
  end $$`)
