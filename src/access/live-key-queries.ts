import { and, type Column, eq, gt, inArray, isNull, not, or, type SQL, sql } from 'drizzle-orm'
import type { Db } from '../db/database.ts'
import { apiKeys } from '../db/schema.ts'

type KeyOwner = { organizationId: string; subject?: string } | { serviceAccountId: string } | 'everywhere'

/**
 * Ids of the API keys that are not revoked, lowest id first: those of an organization, of a service account, or all.
 * `subject` limits an organization's keys to those whose tokens carry it as `sub`. Without `now`, a planned revocation
 * does not count, even if its time has come.
 */
export async function selectLiveKeyIds(db: Db, owner: KeyOwner, now?: Date): Promise<string[]> {
  const isOwned = owner === 'everywhere' ? undefined : ownedBy(owner)
  const rows = await db
    .select({ id: apiKeys.id })
    .from(apiKeys)
    .where(and(isOwned, isNotRevoked(now)))
    .orderBy(apiKeys.id)
  return rows.map(({ id }) => id)
}

function ownedBy(owner: Exclude<KeyOwner, 'everywhere'>): SQL | undefined {
  if ('serviceAccountId' in owner) return eq(apiKeys.serviceAccountId, owner.serviceAccountId)
  const { organizationId, subject } = owner
  const carries = subject === undefined ? undefined : eq(sql`coalesce(${apiKeys.subject}, ${apiKeys.id})`, subject)
  return and(eq(apiKeys.organizationId, organizationId), carries)
}

/** The condition that a column of another table holds the id of an API key that is not revoked. */
export function isLiveKeyId(db: Db, apiKeyId: Column, now: Date): SQL {
  const ids = db.select({ id: apiKeys.id }).from(apiKeys).where(isNotRevoked(now))
  return inArray(apiKeyId, ids)
}

/**
 * The condition that a key is not revoked. Only a planned revocation is compared with `now`; without `now` it does not
 * count.
 */
export function isNotRevoked(now?: Date): SQL | undefined {
  const { revokedAt, revocationPlanned } = apiKeys
  return or(isNull(revokedAt), and(revocationPlanned, now && gt(revokedAt, now)))
}

/** The condition that a key is neither revoked nor expired. */
export function isAlive(now: Date): SQL | undefined {
  const { ended, expiresAt } = apiKeys
  return and(isNotRevoked(now), not(ended), or(isNull(expiresAt), gt(expiresAt, now)))
}
