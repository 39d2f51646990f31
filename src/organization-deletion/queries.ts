import { and, eq, type SQL } from 'drizzle-orm'
import { isAlive } from '../access/fit-queries.ts'
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

export async function countContents(tx: Db, organizationId: string): Promise<Contents> {
  return {
    serviceAccounts: await tx.$count(serviceAccounts, eq(serviceAccounts.organizationId, organizationId)),
    roles: await tx.$count(customRoles, eq(customRoles.organizationId, organizationId)),
  }
}

/** Deletes an organization that has no keys any more. The caller has locked it. */
export async function deleteOrganizationRow(tx: Db, id: string): Promise<void> {
  await tx.delete(serviceAccounts).where(eq(serviceAccounts.organizationId, id))
  await tx.delete(customRoles).where(eq(customRoles.organizationId, id))
  await tx.delete(organizations).where(eq(organizations.id, id))
}
