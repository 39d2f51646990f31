import { and, asc, desc, eq, gt, gte, isNull, lt, lte, not, or, type SQL, sql } from 'drizzle-orm'
import type { Reach } from '../access/permissions.ts'
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
  readonly ended: boolean
  readonly cancelledAt: Date | null
}

/**
 * Stores the next version and returns its number, which no version of the key had before, not even a cancelled one. The
 * caller has locked the key.
 */
export async function insertVersion(tx: Db, apiKeyId: string, secret: StoredSecret, now: Date): Promise<number> {
  const next = sql`(select max(v.version) + 1 from ${apiKeyVersions} v where v.api_key_id = ${apiKeyId})`
  const [inserted] = await tx
    .insert(apiKeyVersions)
    .values({ apiKeyId, version: next, ...secret, createdAt: now })
    .returning({ version: apiKeyVersions.version })
  if (!inserted) throw new Error('the version was not inserted')
  await incrementRevision(tx, apiKeyId)
  return inserted.version
}

type Overlap = { version: number; end: Date; ended: boolean; rotationRuleId: string; replacedReach: Reach }

/** Makes a replaced version end at `end`, or at once (`ended`), unless it ends sooner, and keeps the end that it had. */
export async function overlapVersion(tx: Db, apiKeyId: string, overlap: Overlap): Promise<void> {
  const { version, end, ...replaced } = overlap
  const { expiresAt } = apiKeyVersions
  const earliest = sql`least(${expiresAt}, ${end.toISOString()}::timestamptz)`
  await tx
    .update(apiKeyVersions)
    .set({ expiresAtBeforeRotation: sql`${expiresAt}`, expiresAt: earliest, ...replaced })
    .where(isVersion(apiKeyId, version))
}

/** The latest version before the newest one that was not cancelled; undefined if there is none. */
export async function findReplacedVersion(tx: Db, apiKeyId: string, newest: number) {
  const { version, expiresAt, expiresAtBeforeRotation, ended, rotationRuleId, replacedReach, cancelledAt } =
    apiKeyVersions
  const [replaced] = await tx
    .select({ version, expiresAt, expiresAtBeforeRotation, ended, rotationRuleId, replacedReach })
    .from(apiKeyVersions)
    .where(and(eq(apiKeyVersions.apiKeyId, apiKeyId), lt(version, newest), isNull(cancelledAt)))
    .orderBy(desc(version))
    .limit(1)
  return replaced
}

/**
 * Ends the newest version for good, and gives the one that it replaced its previous end. A reminder about the cancelled
 * version no longer counts. The caller has locked the key.
 */
export async function cancelVersion(
  tx: Db,
  apiKeyId: string,
  { cancelled, restored }: { cancelled: { version: number; createdAt: Date }; restored: number },
  now: Date,
): Promise<void> {
  const { expiresAt, expiresAtBeforeRotation } = apiKeyVersions
  const at = sql`${now.toISOString()}::timestamptz`
  await tx
    .update(apiKeyVersions)
    .set({ cancelledAt: now, ended: true, expiresAt: sql`least(${expiresAt}, ${at})` })
    .where(isVersion(apiKeyId, cancelled.version))
  await tx
    .update(apiKeyVersions)
    .set({
      expiresAt: sql`${expiresAtBeforeRotation}`,
      expiresAtBeforeRotation: null,
      rotationRuleId: null,
      replacedReach: null,
    })
    .where(isVersion(apiKeyId, restored))
  const createdAt = sql`${cancelled.createdAt.toISOString()}::timestamptz`
  const rotationWarnedAt = sql`case when ${apiKeys.rotationWarnedAt} < ${createdAt} then ${apiKeys.rotationWarnedAt} end`
  await tx.update(apiKeys).set({ revision: nextRevision, rotationWarnedAt }).where(eq(apiKeys.id, apiKeyId))
}

/** Ends every version up to `last` that has not ended. Returns the versions that changed. */
export async function endVersions(tx: Db, apiKeyId: string, last: number, now: Date): Promise<number[]> {
  const moved = await tx
    .update(apiKeyVersions)
    .set({ expiresAt: now, ended: true })
    .where(
      and(
        eq(apiKeyVersions.apiKeyId, apiKeyId),
        lte(apiKeyVersions.version, last),
        not(apiKeyVersions.ended),
        or(isNull(apiKeyVersions.expiresAt), gt(apiKeyVersions.expiresAt, now)),
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
      ended: apiKeyVersions.ended,
      cancelledAt: apiKeyVersions.cancelledAt,
    })
    .from(apiKeyVersions)
    .where(
      and(eq(apiKeyVersions.apiKeyId, apiKeyId), before === undefined ? undefined : lt(apiKeyVersions.version, before)),
    )
    .orderBy(desc(apiKeyVersions.version))
    .limit(limit)
}

/** The numbers of the versions in this range, ended and cancelled ones included. */
export async function selectVersionNumbers(
  db: Db,
  apiKeyId: string,
  range: { minVersion?: number | undefined; maxVersion?: number | undefined },
): Promise<number[]> {
  const { minVersion, maxVersion } = range
  const rows = await db
    .select({ version: apiKeyVersions.version })
    .from(apiKeyVersions)
    .where(
      and(
        eq(apiKeyVersions.apiKeyId, apiKeyId),
        minVersion === undefined ? undefined : gte(apiKeyVersions.version, minVersion),
        maxVersion === undefined ? undefined : lte(apiKeyVersions.version, maxVersion),
      ),
    )
    .orderBy(asc(apiKeyVersions.version))
  return rows.map(({ version }) => version)
}

function isVersion(apiKeyId: string, version: number): SQL | undefined {
  return and(eq(apiKeyVersions.apiKeyId, apiKeyId), eq(apiKeyVersions.version, version))
}
