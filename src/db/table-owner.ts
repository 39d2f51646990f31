import { getTableName, sql } from 'drizzle-orm'
import type { Db } from './database.ts'
import { serviceState } from './schema.ts'

/** Whether the current role owns the service's tables, or is a member of the role that does. */
export async function ownsTables(db: Db): Promise<boolean> {
  const [table] = await db
    .select({ owns: sql<boolean>`pg_has_role(current_user, relowner, 'usage')` })
    .from(sql`pg_class`)
    .where(sql`oid = ${getTableName(serviceState)}::regclass`)
  return table?.owns === true
}
