import { and, desc, eq, gt, isNull, lt, lte, or } from 'drizzle-orm'
import type { Db } from '../db/database.ts'
import { apiKeys, apiKeyVersions } from '../db/schema.ts'
import { nextRevision } from './change-queries.ts'
import type { StoredSecret } from './queries.ts'

export type ApiKeyVersionRow = {
  readonly version: number
  readonly hint: string
  readonly imported: boolean
  readonly createdAt: Date
  readonly expiresAt: Date | null
}

/** Stores the next version. The caller has locked the key. */
export async function insertVersion(
  tx: Db,
  apiKeyId: string,
  version: number,
  secret: StoredSecret,
  now: Date,
): Promise<void> {
  await tx.insert(apiKeyVersions).values({ apiKeyId, version, ...secret, createdAt: now })
  await incrementRevision(tx, apiKeyId)
}

/** Makes every version up to `last` end at `end`, unless it ends sooner. Returns the versions that changed. */
export async function endVersions(tx: Db, apiKeyId: string, last: number, end: Date): Promise<number[]> {
  const moved = await tx
    .update(apiKeyVersions)
    .set({ expiresAt: end })
    .where(
      and(
        eq(apiKeyVersions.apiKeyId, apiKeyId),
        lte(apiKeyVersions.version, last),
        or(isNull(apiKeyVersions.expiresAt), gt(apiKeyVersions.expiresAt, end)),
      ),
    )
    .returning({ version: apiKeyVersions.version })
  return moved.map(({ version }) => version)
}

export async function incrementRevision(tx: Db, apiKeyId: string): Promise<void> {
  await tx.update(apiKeys).set({ revision: nextRevision }).where(eq(apiKeys.id, apiKeyId))
}

/** At most `limit` versions before `before`, newest first. */
export async function selectVersions(
  db: Db,
  { apiKeyId, before, limit }: { apiKeyId: string; before: number | undefined; limit: number },
): Promise<ApiKeyVersionRow[]> {
  return await db
    .select({
      version: apiKeyVersions.version,
      hint: apiKeyVersions.hint,
      imported: apiKeyVersions.imported,
      createdAt: apiKeyVersions.createdAt,
      expiresAt: apiKeyVersions.expiresAt,
    })
    .from(apiKeyVersions)
    .where(
      and(eq(apiKeyVersions.apiKeyId, apiKeyId), before === undefined ? undefined : lt(apiKeyVersions.version, before)),
    )
    .orderBy(desc(apiKeyVersions.version))
    .limit(limit)
}
