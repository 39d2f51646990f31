import { eq, inArray } from 'drizzle-orm'
import type { Db } from '../db/database.ts'
import { apiKeyUsage, signingKeyUsage } from '../db/schema.ts'

export type ApiKeyUsageRow = typeof apiKeyUsage.$inferSelect
export type SigningKeyUsageRow = typeof signingKeyUsage.$inferSelect

/** What each version of the key was used for, newest version first; a version that was never used has no row. Lags by seconds. */
export async function findApiKeyUsage(db: Db, apiKeyId: string): Promise<ApiKeyUsageRow[]> {
  const rows = await db.select().from(apiKeyUsage).where(eq(apiKeyUsage.apiKeyId, apiKeyId))
  return rows.sort((a, b) => b.version - a.version)
}

/** What the signing keys were used for, in no order; a key that never signed a token has no row. Lags by seconds. */
export async function findSigningKeyUsage(db: Db, kids: readonly string[]): Promise<SigningKeyUsageRow[]> {
  if (kids.length === 0) return []
  return await db
    .select()
    .from(signingKeyUsage)
    .where(inArray(signingKeyUsage.kid, [...kids]))
}
