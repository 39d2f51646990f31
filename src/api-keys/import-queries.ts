import { eq, inArray, sql } from 'drizzle-orm'
import type { Db } from '../db/database.ts'
import { apiKeys, apiKeyVersions, deletedSecrets } from '../db/schema.ts'
import type { NewApiKey, StoredSecret } from './queries.ts'

/** Those of the hashes that are stored already, in any organization. `id` is null for the secret of a deleted key. */
export async function selectKnownHashes(db: Db, hashes: readonly string[]) {
  const asked = sql.param([...hashes])
  const deleted = db
    .select({ hash: deletedSecrets.hash, id: sql<string | null>`null`, organizationId: sql<string | null>`null` })
    .from(deletedSecrets)
    .where(sql`${deletedSecrets.hash} = any(${asked}::text[])`)
  return await db
    .select({
      hash: apiKeyVersions.hash,
      id: sql<string | null>`${apiKeys.id}`,
      organizationId: sql<string | null>`${apiKeys.organizationId}`,
    })
    .from(apiKeyVersions)
    .innerJoin(apiKeys, eq(apiKeys.id, apiKeyVersions.apiKeyId))
    .where(sql`${apiKeyVersions.hash} = any(${asked}::text[])`)
    .unionAll(deleted) // in one statement: a key that is deleted meanwhile is found in one place or the other
}

/**
 * Stores at most a thousand keys with their secrets. Returns the ids of keys that were not stored: their hash was taken
 * meanwhile.
 */
export async function insertApiKeys(
  tx: Db,
  keys: readonly { apiKey: NewApiKey; secret: StoredSecret }[],
): Promise<ReadonlySet<string>> {
  if (keys.length === 0) return new Set()
  await tx.insert(apiKeys).values(keys.map(({ apiKey }) => apiKey))
  const versions = keys
    .map(({ apiKey: { id, createdAt }, secret }) => ({ apiKeyId: id, version: 1, ...secret, createdAt }))
    .sort((one, other) => (one.hash < other.hash ? -1 : 1)) // one order for all, so that two imports of the same hashes never deadlock
  const stored = await tx
    .insert(apiKeyVersions)
    .values(versions)
    .onConflictDoNothing({ target: apiKeyVersions.hash })
    .returning({ id: apiKeyVersions.apiKeyId })
  const kept = new Set(stored.map(({ id }) => id))
  const lost = new Set(keys.map(({ apiKey }) => apiKey.id).filter((id) => !kept.has(id)))
  if (lost.size > 0) await tx.delete(apiKeys).where(inArray(apiKeys.id, [...lost]))
  return lost
}
