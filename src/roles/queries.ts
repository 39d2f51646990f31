import { and, asc, count, eq, isNull, sql } from 'drizzle-orm'
import type { Db } from '../db/database.ts'
import { apiKeys, customRoles, serviceAccounts } from '../db/schema.ts'

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

/** How many service accounts, and API keys that are not revoked, hold the role. */
export async function countMembersWith(tx: Db, { organizationId, name }: Where): Promise<number> {
  const [accounts] = await tx
    .select({ held: count() })
    .from(serviceAccounts)
    .where(and(eq(serviceAccounts.organizationId, organizationId), sql`${name} = any(${serviceAccounts.roles})`))
  const [keys] = await tx
    .select({ held: count() })
    .from(apiKeys)
    .where(
      and(eq(apiKeys.organizationId, organizationId), isNull(apiKeys.revokedAt), sql`${name} = any(${apiKeys.roles})`),
    )
  return (accounts?.held ?? 0) + (keys?.held ?? 0)
}
