import { eq, getTableName, type SQL, sql } from 'drizzle-orm'
import type { Db } from './database.ts'
import { changeLocks } from './schema.ts'

type ChangeLock = typeof changeLocks.$inferSelect.name

/**
 * Other transactions that ask for the same lock wait until this one ends. The statement that waited does not see what
 * they committed; the next one does. It is a row lock, because advisory locks exclude nobody on some engines that speak
 * PostgreSQL's protocol. For the order of locks see docs/architecture.md.
 * @throws Error for the operator if somebody deleted the row: without it changes would not wait for each other.
 */
export async function takeChangeLock(tx: Db, name: ChangeLock): Promise<void> {
  const [taken] = await tx.select().from(changeLocks).where(eq(changeLocks.name, name)).for('update')
  if (taken) return
  const table = getTableName(changeLocks)
  throw new Error(
    `the table ${table} has no row ${name}. Add it as the owner of the tables: insert into ${table} values ('${name}')`,
  )
}

/** As `takeChangeLock`, as part of another statement: one row for its FROM, or none if the row was deleted. */
export function changeLock(name: ChangeLock): SQL {
  return sql`(select from ${changeLocks} where ${changeLocks.name} = ${name} for update)`
}
