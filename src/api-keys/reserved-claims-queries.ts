import { and, asc, gt, isNotNull, isNull } from 'drizzle-orm'
import type { Db } from '../db/database.ts'
import { apiKeys } from '../db/schema.ts'
import { reservedNames } from './custom-claims.ts'

type KeyWithReservedClaims = { readonly id: string; readonly names: readonly string[] }

const batchSize = 500

/** Keys that hold claims whose names were reserved later, lowest id first. They keep them until their next change. */
export async function selectKeysWithReservedClaims(db: Db): Promise<KeyWithReservedClaims[]> {
  const found: KeyWithReservedClaims[] = []
  for (let after = ''; ; ) {
    const rows = await db
      .select({ id: apiKeys.id, customClaims: apiKeys.customClaims })
      .from(apiKeys)
      .where(and(gt(apiKeys.id, after), isNotNull(apiKeys.customClaims), isNull(apiKeys.revokedAt)))
      .orderBy(asc(apiKeys.id))
      .limit(batchSize)
    for (const { id, customClaims } of rows) {
      const names = reservedNames(customClaims ?? {})
      if (names.length > 0) found.push({ id, names })
    }
    const last = rows.at(-1)
    if (!last || rows.length < batchSize) return found
    after = last.id
  }
}
