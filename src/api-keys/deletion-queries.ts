import { eq, gt, inArray, lt, type SQLWrapper, sql } from 'drizzle-orm'
import type { Db } from '../db/database.ts'
import { apiKeys, apiKeyVersions, deletedSecrets } from '../db/schema.ts'
import { deleteApiKeyUsage } from '../usage/queries.ts'

/**
 * At most `limit` keys of an organization, locked until the transaction ends. Root keys come first, so that the first
 * of several transactions finds out whether the last root key is among them.
 */
export async function lockApiKeysOf(tx: Db, organizationId: string, limit: number) {
  const { id, revokedAt, revocationPlanned } = apiKeys
  return await tx
    .select({ id, organizationId: apiKeys.organizationId, revokedAt, revocationPlanned })
    .from(apiKeys)
    .where(eq(apiKeys.organizationId, organizationId))
    .orderBy(sql`'root' = any(${apiKeys.roles}) desc`, apiKeys.id)
    .limit(limit)
    .for('update')
}

/** Deletes keys with their versions and usage. The caller has locked them. */
export async function deleteApiKeyRows(tx: Db, ids: readonly string[]): Promise<void> {
  await deleteApiKeyUsage(tx, ids)
  await tx.delete(apiKeyVersions).where(inArray(apiKeyVersions.apiKeyId, [...ids]))
  await tx.delete(apiKeys).where(inArray(apiKeys.id, [...ids]))
}

/** Keeps the hashes of these keys, so that no import brings them back. Call it before the keys are deleted. */
export async function keepDeletedSecrets(tx: Db, ids: readonly string[], now: Date): Promise<void> {
  const { hash, apiKeyId } = apiKeyVersions
  const secrets = tx
    .select({ hash, apiKeyId, deletedAt: sql<Date>`${now.toISOString()}::timestamptz`.as('deleted_at') })
    .from(apiKeyVersions)
    .where(inArray(apiKeyId, [...ids]))
  await tx.insert(deletedSecrets).select(secrets).onConflictDoNothing()
}

export async function isDeletedSecret(db: Db, hash: string): Promise<boolean> {
  return (await db.$count(deletedSecrets, eq(deletedSecrets.hash, hash))) > 0
}

/** Forgets at most `limit` secrets that were deleted before `before`. */
export async function forgetDeletedSecrets(db: Db, { before, limit }: { before: Date; limit: number }): Promise<void> {
  const old = db
    .select({ hash: deletedSecrets.hash })
    .from(deletedSecrets)
    .where(lt(deletedSecrets.deletedAt, before))
    .limit(limit)
  await db.delete(deletedSecrets).where(inArray(deletedSecrets.hash, old))
}

/** Deletes usage of keys that were deleted after `since`. An instance may write it seconds after the deletion. */
export async function deleteLateUsage(tx: Db, since: Date): Promise<void> {
  await deleteApiKeyUsage(tx, idsDeletedAfter(tx, since))
}

function idsDeletedAfter(db: Db, since: Date): SQLWrapper {
  return db.select({ id: deletedSecrets.apiKeyId }).from(deletedSecrets).where(gt(deletedSecrets.deletedAt, since))
}
