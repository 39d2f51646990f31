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
  if (!taken) throw new Error(missing([name]))
}

/** Throws for the operator if somebody deleted one of the rows. Reads only. */
export async function requireChangeLocks(db: Db): Promise<void> {
  const found = new Set((await db.select().from(changeLocks)).map(({ name }) => name))
  const names = changeLocks.name.enumValues.filter((name) => !found.has(name))
  if (names.length > 0) throw new Error(missing(names))
}

function missing(names: readonly ChangeLock[]): string {
  const table = getTableName(changeLocks)
  const values = names.map((name) => `('${name}')`).join(', ')
  return `the table ${table} has no row ${names.join(', ')}. Add it as the owner of the tables: insert into ${table} values ${values}`
}

/** As `takeChangeLock`, as part of another statement: one row for its FROM, or none if the row was deleted. */
export function changeLock(name: ChangeLock): SQL {
  return sql`(select from ${changeLocks} where ${changeLocks.name} = ${name} for update)`
}
