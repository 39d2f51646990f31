import { and, asc, eq, sql } from 'drizzle-orm'
import type { Db } from '../db/database.ts'
import { customRoles } from '../db/schema.ts'

export type CustomRole = typeof customRoles.$inferSelect

type Where = { organizationId: string; name: string }

const isIt = ({ organizationId, name }: Where) =>
  and(eq(customRoles.organizationId, organizationId), eq(customRoles.name, name))

export async function insertCustomRole(tx: Db, role: typeof customRoles.$inferInsert): Promise<CustomRole> {
  const [inserted] = await tx.insert(customRoles).values(role).returning()
  if (!inserted) throw new Error('the role was not inserted')
  return inserted
}

export async function findCustomRole(db: Db, where: Where): Promise<CustomRole | undefined> {
  const [role] = await db.select().from(customRoles).where(isIt(where)).limit(1)
  return role
}

/** By name. */
export async function selectCustomRoles(db: Db, organizationId: string): Promise<CustomRole[]> {
  return await db
    .select()
    .from(customRoles)
    .where(eq(customRoles.organizationId, organizationId))
    .orderBy(asc(customRoles.name))
}

export async function updateCustomRoleRow(tx: Db, where: Where, permissions: string[]): Promise<CustomRole> {
  const [updated] = await tx
    .update(customRoles)
    .set({ permissions, revision: sql`${customRoles.revision} + 1` })
    .where(isIt(where))
    .returning()
  if (!updated) throw new Error('the role is gone while its organization is locked')
  return updated
}

export async function deleteCustomRoleRow(tx: Db, where: Where): Promise<void> {
  await tx.delete(customRoles).where(isIt(where))
}
