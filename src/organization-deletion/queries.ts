import { and, eq, type SQL } from 'drizzle-orm'
import { isAlive } from '../access/live-key-queries.ts'
import type { Db } from '../db/database.ts'
import { apiKeys, customRoles, organizations, serviceAccounts } from '../db/schema.ts'

/** What an organization holds in addition to its keys. */
export type Contents = { readonly serviceAccounts: number; readonly roles: number }

/** How many keys of the organization are neither revoked nor expired, root keys included. */
export async function countLiveApiKeys(tx: Db, organizationId: string, now: Date): Promise<number> {
  return await tx.$count(apiKeys, isLiveIn(organizationId, now))
}

/** Ids of the keys that `countLiveApiKeys` counts. */
export async function selectLiveApiKeyIds(tx: Db, organizationId: string, now: Date): Promise<string[]> {
  const rows = await tx.select({ id: apiKeys.id }).from(apiKeys).where(isLiveIn(organizationId, now))
  return rows.map(({ id }) => id)
}

function isLiveIn(organizationId: string, now: Date): SQL | undefined {
  return and(eq(apiKeys.organizationId, organizationId), isAlive(now))
}

/** Locks and counts them. Call it before the keys are locked (docs/architecture.md, lock order). */
export async function lockContents(tx: Db, organizationId: string): Promise<Contents> {
  const roles = await tx
    .select({ name: customRoles.name })
    .from(customRoles)
    .where(eq(customRoles.organizationId, organizationId))
    .orderBy(customRoles.name)
    .for('update')
  const accounts = await tx
    .select({ id: serviceAccounts.id })
    .from(serviceAccounts)
    .where(eq(serviceAccounts.organizationId, organizationId))
    .orderBy(serviceAccounts.id)
    .for('update')
  return { serviceAccounts: accounts.length, roles: roles.length }
}

/** Deletes an organization that has no keys any more. The caller has locked it. */
export async function deleteOrganizationRow(tx: Db, id: string): Promise<void> {
  await tx.delete(serviceAccounts).where(eq(serviceAccounts.organizationId, id))
  await tx.delete(customRoles).where(eq(customRoles.organizationId, id))
  await tx.delete(organizations).where(eq(organizations.id, id))
}
