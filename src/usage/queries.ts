import { and, type Column, eq, exists, gt, inArray, type SQL, type SQLWrapper, sql } from 'drizzle-orm'
import type { Db } from '../db/database.ts'
import { apiKeyUsage, signingKeyUsage } from '../db/schema.ts'
import { deleteApiKeyAttempts } from './attempt-queries.ts'
import type { ApiKeyUse, SigningKeyUse } from './pending.ts'
import { instant, isOneOf, lines, newestFirst, texts } from './row-queries.ts'

export type ApiKeyUsageRow = typeof apiKeyUsage.$inferSelect
export type SigningKeyUsageRow = typeof signingKeyUsage.$inferSelect

/**
 * The usage of each version of the key, newest version first, a few seconds behind. A version that was never used has
 * no row.
 */
export async function findApiKeyUsage(db: Db, apiKeyId: string): Promise<ApiKeyUsageRow[]> {
  const rows = await db.select().from(apiKeyUsage).where(eq(apiKeyUsage.apiKeyId, apiKeyId))
  return rows.sort((a, b) => b.version - a.version)
}

/** SQL condition: a token of the API key may be alive at `now`. Lags by seconds. */
export function hasLiveToken(db: Db, apiKeyId: Column, now: Date): SQL {
  const use = db
    .select({ one: sql`1` })
    .from(apiKeyUsage)
    .where(and(eq(apiKeyUsage.apiKeyId, apiKeyId), gt(apiKeyUsage.lastExpiresAt, now)))
  return exists(use)
}

/** Of the key, in all its versions. A few seconds behind. */
export function usageOf(apiKeyId: Column) {
  const ofKey = sql`from ${apiKeyUsage} used where used.api_key_id = ${apiKeyId}`
  const sum = (column: Column) => sql<number>`(select coalesce(sum(used.${sql.identifier(column.name)}), 0) ${ofKey})`
  return {
    lastUsedAt: sql<Date | null>`(select max(used.last_used_at) ${ofKey})`.mapWith(apiKeyUsage.lastUsedAt),
    exchanges: sum(apiKeyUsage.exchanges).mapWith(Number),
    authentications: sum(apiKeyUsage.authentications).mapWith(Number),
  }
}

/**
 * Deletes the attempts too. Locks the rows in the order of the flushes that write them, so that the two never deadlock.
 */
export async function deleteApiKeyUsage(tx: Db, apiKeyIds: readonly string[] | SQLWrapper): Promise<void> {
  await deleteApiKeyAttempts(tx, apiKeyIds)
  const { apiKeyId, version } = apiKeyUsage
  const locked = tx
    .select({ apiKeyId, version })
    .from(apiKeyUsage)
    .where(isOneOf(apiKeyId, apiKeyIds))
    .orderBy(apiKeyId, version)
    .for('update')
  await tx.delete(apiKeyUsage).where(sql`(${apiKeyId}, ${version}) in ${locked}`)
}

/** The usage of the signing keys, unordered, a few seconds behind. A key that never signed a token has no row. */
export async function findSigningKeyUsage(db: Db, kids: readonly string[]): Promise<SigningKeyUsageRow[]> {
  if (kids.length === 0) return []
  return await db
    .select()
    .from(signingKeyUsage)
    .where(inArray(signingKeyUsage.kid, [...kids]))
}

/**
 * Adds to the stored usage in one statement. Counts of several processes add up and the latest times win. Of addresses
 * and agents, those of the process that saw the key last come first. No two rows may be of the same version.
 */
export async function addApiKeyUsage(db: Db, uses: readonly ApiKeyUse[]): Promise<void> {
  const rows = sql`select id, version::integer, exchanges::bigint, authentications::bigint, used_at::timestamptz, expires_at::timestamptz,
      string_to_array(addresses, chr(10)), string_to_array(agents, chr(10))
    from unnest(${texts(uses, ({ apiKeyId }) => apiKeyId)}, ${texts(uses, ({ version }) => version)},
      ${texts(uses, ({ exchanges }) => exchanges)}, ${texts(uses, ({ authentications }) => authentications)},
      ${texts(uses, ({ lastUsedAt }) => instant(lastUsedAt))},
      ${texts(uses, ({ lastExpiresAt }) => instant(lastExpiresAt))}, ${texts(uses, ({ addresses }) => lines(addresses))},
      ${texts(uses, ({ agents }) => lines(agents))}) as use (id, version, exchanges, authentications, used_at, expires_at, addresses, agents)
    order by 1, 2`
  const isNewer = sql`excluded.last_used_at >= ${apiKeyUsage.lastUsedAt}`
  await db
    .insert(apiKeyUsage)
    .select(rows)
    .onConflictDoUpdate({
      target: [apiKeyUsage.apiKeyId, apiKeyUsage.version],
      set: {
        exchanges: sql`${apiKeyUsage.exchanges} + excluded.exchanges`,
        authentications: sql`${apiKeyUsage.authentications} + excluded.authentications`,
        lastUsedAt: sql`greatest(${apiKeyUsage.lastUsedAt}, excluded.last_used_at)`,
        lastExpiresAt: sql`greatest(${apiKeyUsage.lastExpiresAt}, excluded.last_expires_at)`,
        addresses: newestFirst(isNewer, apiKeyUsage.addresses, sql`excluded.addresses`),
        agents: newestFirst(isNewer, apiKeyUsage.agents, sql`excluded.agents`),
      },
    })
}

/** As `addApiKeyUsage`, for signing keys. */
export async function addSigningKeyUsage(db: Db, uses: readonly SigningKeyUse[]): Promise<void> {
  const rows = sql`select kid, tokens::bigint, signed_at::timestamptz, expires_at::timestamptz
    from unnest(${texts(uses, ({ kid }) => kid)}, ${texts(uses, ({ tokens }) => tokens)},
      ${texts(uses, ({ lastSignedAt }) => instant(lastSignedAt))}, ${texts(uses, ({ lastExpiresAt }) => instant(lastExpiresAt))})
      as use (kid, tokens, signed_at, expires_at)
    order by 1`
  await db
    .insert(signingKeyUsage)
    .select(rows)
    .onConflictDoUpdate({
      target: signingKeyUsage.kid,
      set: {
        tokens: sql`${signingKeyUsage.tokens} + excluded.tokens`,
        lastSignedAt: sql`greatest(${signingKeyUsage.lastSignedAt}, excluded.last_signed_at)`,
        lastExpiresAt: sql`greatest(${signingKeyUsage.lastExpiresAt}, excluded.last_expires_at)`,
      },
    })
}
