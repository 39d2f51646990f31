import { getTableName, is, sql } from 'drizzle-orm'
import { PgTable } from 'drizzle-orm/pg-core'
import type { Db } from './database.ts'
import * as schema from './schema.ts'

/** The service may append to these tables, and change nothing in them. */
const appendOnly = new Set(['audit_events', 'audit_chain', 'audit_checkpoints'])

/** The service locks rows of this table, which needs the right to update them. It adds and deletes none. */
const onlyLocked = new Set(['change_locks'])

const tables = Object.values(schema)
  .filter((each) => is(each, PgTable))
  .map((table) => getTableName(table))

const rights: readonly { right: string; tables: readonly string[] }[] = [
  { right: 'select', tables },
  { right: 'insert', tables: tables.filter((table) => !onlyLocked.has(table)) },
  { right: 'update', tables: tables.filter((table) => !appendOnly.has(table)) },
  { right: 'delete', tables: tables.filter((table) => !appendOnly.has(table) && !onlyLocked.has(table)) },
]

/** The rights that the service needs and the role of this connection lacks. Reads only. */
export async function findMissingRights(db: Db): Promise<{ right: string; tables: string[] }[]> {
  const wanted = rights.flatMap(({ right, tables }) => tables.map((table) => ({ right, table })))
  const rows = await db
    .select({ right: sql<string>`wanted.right`, table: sql<string>`wanted.table` })
    .from(sql`json_to_recordset(${JSON.stringify(wanted)}::text::json) as wanted("right" text, "table" text)`)
    .where(sql`not has_table_privilege(wanted.table, wanted.right)`)
  return rights
    .map(({ right }) => ({ right, tables: rows.filter((row) => row.right === right).map(({ table }) => table) }))
    .filter(({ tables }) => tables.length > 0)
}
