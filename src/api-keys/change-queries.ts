import { and, eq, gt, isNull, or, type SQL, sql } from 'drizzle-orm'
import type { Within } from '../access/authorize.ts'
import { organizationWithin } from '../access/queries.ts'
import type { Db } from '../db/database.ts'
import { apiKeys, serviceAccounts } from '../db/schema.ts'
import type { ApiKeyDraft } from './settings.ts'

/** What every statement that changes a key gives back; undefined = nothing changed. */
const changed = { id: apiKeys.id, organizationId: apiKeys.organizationId, revision: apiKeys.revision }

/** Each change counts the revision up. */
export const nextRevision = sql`${apiKeys.revision} + 1`

/** Keeps every other change of the key out until the transaction ends; exchanges go on. */
export async function lockApiKey(tx: Db, id: string): Promise<void> {
  await tx.select({ id: apiKeys.id }).from(apiKeys).where(eq(apiKeys.id, id)).for('no key update')
}

/** What a key says, but never what it is for or whose it is. The key was locked and checked before. */
export async function storeApiKey(tx: Db, id: string, draft: Omit<ApiKeyDraft, 'environment'>) {
  // A changed rhythm begins anew, its reminder too.
  const rotationWarnedAt = sql`case when ${apiKeys.rotateEverySeconds} is not distinct from ${draft.rotateEverySeconds}::integer
    then ${apiKeys.rotationWarnedAt} end`
  const [apiKey] = await tx
    .update(apiKeys)
    .set({ ...draft, rotationWarnedAt, revision: nextRevision })
    .where(eq(apiKeys.id, id))
    .returning(changed)
  return apiKey
}

/** Disables a key that is neither disabled nor at its end. */
export async function markApiKeyDisabled(tx: Db, id: string, now: Date) {
  const mayBe = and(or(isNull(apiKeys.disabledAt), gt(apiKeys.disabledAt, now)), isAlive(now))
  const [apiKey] = await tx
    .update(apiKeys)
    .set({ disabledAt: now, revision: nextRevision })
    .where(and(eq(apiKeys.id, id), mayBe))
    .returning(changed)
  return apiKey
}

/** Enables a key that was locked before and was disabled then. */
export async function markApiKeyEnabled(tx: Db, id: string) {
  const [apiKey] = await tx
    .update(apiKeys)
    .set({ disabledAt: null, revision: nextRevision })
    .where(eq(apiKeys.id, id))
    .returning(changed)
  return apiKey
}

/** Ends a key that has not ended. */
export async function markApiKeyExpired(tx: Db, id: string, now: Date) {
  const [apiKey] = await tx
    .update(apiKeys)
    .set({ expiresAt: now, revision: nextRevision })
    .where(and(eq(apiKeys.id, id), isAlive(now)))
    .returning(changed)
  return apiKey
}

/**
 * Keys of the organization that its plan counts: neither revoked nor expired, root keys apart. Holds until the transaction ends only after
 * `lockOrganization` (access/queries.ts).
 */
export async function countApiKeys(tx: Db, organizationId: string, now: Date): Promise<number> {
  return await tx.$count(
    apiKeys,
    and(eq(apiKeys.organizationId, organizationId), isAlive(now), sql`not 'root' = any(${apiKeys.roles})`),
  )
}

/** The account of that organization, if the caller may give keys to it: its own, where it may touch only its own things. */
export async function findServiceAccount(tx: Db, where: { id: string; organizationId: string; within: Within }) {
  const owner = { createdBy: serviceAccounts.createdBy, serviceAccountId: serviceAccounts.id }
  const [account] = await tx
    .select({ roles: serviceAccounts.roles, disabledAt: serviceAccounts.disabledAt })
    .from(serviceAccounts)
    .where(
      and(
        eq(serviceAccounts.id, where.id),
        eq(serviceAccounts.organizationId, where.organizationId),
        organizationWithin(serviceAccounts.organizationId, where.within, owner),
      ),
    )
  return account
}

function isAlive(now: Date): SQL | undefined {
  const ahead = (end: typeof apiKeys.revokedAt | typeof apiKeys.expiresAt) => or(isNull(end), gt(end, now))
  return and(ahead(apiKeys.revokedAt), ahead(apiKeys.expiresAt))
}
