import { and, type Column, eq, gt, inArray, isNull, or, type SQL } from 'drizzle-orm'
import type { Db } from '../db/database.ts'
import { apiKeys } from '../db/schema.ts'

/** Ids of the API keys of an organization or a service account that are not revoked, lowest id first. */
export async function selectLiveKeyIds(
  db: Db,
  owner: { organizationId: string } | { serviceAccountId: string },
): Promise<string[]> {
  const isOwned =
    'organizationId' in owner
      ? eq(apiKeys.organizationId, owner.organizationId)
      : eq(apiKeys.serviceAccountId, owner.serviceAccountId)
  const rows = await db
    .select({ id: apiKeys.id })
    .from(apiKeys)
    .where(and(isOwned, isNull(apiKeys.revokedAt)))
    .orderBy(apiKeys.id)
  return rows.map(({ id }) => id)
}

/** The condition that a column of another table holds the id of an API key that is not revoked. */
export function isLiveKeyId(db: Db, apiKeyId: Column, now: Date): SQL {
  const ids = db
    .select({ id: apiKeys.id })
    .from(apiKeys)
    .where(or(isNull(apiKeys.revokedAt), gt(apiKeys.revokedAt, now)))
  return inArray(apiKeyId, ids)
}
