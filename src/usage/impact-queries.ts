import { and, desc, inArray, sql } from 'drizzle-orm'
import type { Db } from '../db/database.ts'
import { apiKeyUsage } from '../db/schema.ts'

/** API keys, or only these versions of them. */
type UsedKeys = { readonly keyIds: readonly string[]; readonly versions?: readonly number[] | undefined }

/**
 * Total usage of these keys, a few seconds behind. `alive` = how many of them have a token that may be alive at `now`.
 */
export async function sumUsage(db: Db, used: UsedKeys, now: Date) {
  const lives = sql`${apiKeyUsage.lastExpiresAt} > ${now.toISOString()}::timestamptz`
  const [sum] = await db
    .select({
      used: sql<number>`count(distinct ${apiKeyUsage.apiKeyId})`.mapWith(Number),
      alive: sql<number>`count(distinct ${apiKeyUsage.apiKeyId}) filter (where ${lives})`.mapWith(Number),
      exchanges: sql<number>`coalesce(sum(${apiKeyUsage.exchanges}), 0)`.mapWith(Number),
      authentications: sql<number>`coalesce(sum(${apiKeyUsage.authentications}), 0)`.mapWith(Number),
      lastUsedAt: sql<Date | null>`max(${apiKeyUsage.lastUsedAt})`.mapWith(apiKeyUsage.lastUsedAt),
      lastExpiresAt: sql<Date | null>`max(${apiKeyUsage.lastExpiresAt})`.mapWith(apiKeyUsage.lastExpiresAt),
    })
    .from(apiKeyUsage)
    .where(isOneOf(used))
  return sum
}

/** The most recently used versions, latest first. */
export async function selectLastUses(db: Db, used: UsedKeys, limit: number) {
  return await db.select().from(apiKeyUsage).where(isOneOf(used)).orderBy(desc(apiKeyUsage.lastUsedAt)).limit(limit)
}

function isOneOf({ keyIds, versions }: UsedKeys) {
  const isKey = sql`${apiKeyUsage.apiKeyId} = any(${sql.param([...keyIds])}::text[])`
  return versions === undefined ? isKey : and(isKey, inArray(apiKeyUsage.version, [...versions]))
}
