import type { Db } from '../db/database.ts'
import { selectLastUses, sumUsage } from './impact-queries.ts'

/**
 * What disabling or revoking API keys would break, judged by their usage. Usage lags by seconds. Times are RFC 3339
 * texts.
 */
export type Impact = {
  /** How many keys are affected, and how many of them were ever exchanged. */
  apiKeys: number
  apiKeysUsed: number
  /** Keys with a token that may be alive now and would die. */
  apiKeysWithLiveTokens: number
  /** When the last of those tokens expires by itself; null when there is none. */
  tokensLiveUntil: string | null
  exchanges: number
  /** Successful authentications, those for exchanges included. */
  authentications: number
  lastUsedAt: string | null
  /** The most recently used versions, latest first, at most twenty. */
  lastUses: ImpactUse[]
}

type ImpactUse = {
  apiKeyId: string
  version: number
  exchanges: number
  authentications: number
  lastUsedAt: string
  /** The last few, newest first. */
  addresses: string[]
  agents: string[]
}

const shownUses = 20

/**
 * A dry run of disabling, revoking or suspending: shows who would notice. Only reads. Does not check whether the keys
 * exist or who owns them. `versions` limits it to some versions of the keys. May miss a key that was exchanged for the
 * first time a few seconds ago.
 */
export async function whatWouldBreak(
  db: Db,
  keyIds: readonly string[],
  now: Date,
  versions?: readonly number[],
): Promise<Impact> {
  const used = { keyIds, versions }
  const [sum, uses] = await Promise.all([sumUsage(db, used, now), selectLastUses(db, used, shownUses)])
  const { lastUsedAt = null, lastExpiresAt = null } = sum ?? {}
  return {
    apiKeys: keyIds.length,
    apiKeysUsed: sum?.used ?? 0,
    apiKeysWithLiveTokens: sum?.alive ?? 0,
    tokensLiveUntil: lastExpiresAt !== null && lastExpiresAt > now ? lastExpiresAt.toISOString() : null,
    exchanges: sum?.exchanges ?? 0,
    authentications: sum?.authentications ?? 0,
    lastUsedAt: lastUsedAt?.toISOString() ?? null,
    lastUses: uses.map((use) => ({
      apiKeyId: use.apiKeyId,
      version: use.version,
      exchanges: use.exchanges,
      authentications: use.authentications,
      lastUsedAt: use.lastUsedAt.toISOString(),
      addresses: use.addresses,
      agents: use.agents,
    })),
  }
}
