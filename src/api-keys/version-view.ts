import type { ApiKeyUsageRow } from '../usage/queries.ts'
import type { ApiKeyVersionRow } from './version-queries.ts'

/** One version of an API key, and who uses it. Times are RFC 3339 texts. Usage lags by a few seconds. */
export type ApiKeyVersionView = {
  version: number
  /**
   * `newest` works as long as the key, and `overlapping` until `endsAt`. `ended` no longer works, nor does `cancelled`,
   * whose rotation was taken back.
   */
  state: 'newest' | 'overlapping' | 'ended' | 'cancelled'
  hint: string
  /** The secret was created and hashed by another system. */
  imported: boolean
  createdAt: string
  /** Null = ends with the key. */
  endsAt: string | null
  exchanges: number
  /** Successful authentications, including those for exchanges. */
  authentications: number
  lastUsedAt: string | null
  /** The latest expiry of its tokens: until then one of them may be alive, unless it was revoked. */
  lastExpiresAt: string | null
  /** The last few, newest first. */
  addresses: string[]
  agents: string[]
}

export function apiKeyVersionView(
  row: ApiKeyVersionRow,
  { newest, usage, now }: { newest: number; usage: ApiKeyUsageRow | undefined; now: Date },
): ApiKeyVersionView {
  return {
    version: row.version,
    state: stateOf(row, newest, now),
    hint: row.hint,
    imported: row.imported,
    createdAt: row.createdAt.toISOString(),
    endsAt: row.expiresAt?.toISOString() ?? null,
    exchanges: usage?.exchanges ?? 0,
    authentications: usage?.authentications ?? 0,
    lastUsedAt: usage?.lastUsedAt.toISOString() ?? null,
    lastExpiresAt: usage && usage.exchanges > 0 ? usage.lastExpiresAt.toISOString() : null,
    addresses: [...(usage?.addresses ?? [])],
    agents: [...(usage?.agents ?? [])],
  }
}

function stateOf(row: ApiKeyVersionRow, newest: number, now: Date): ApiKeyVersionView['state'] {
  if (row.cancelledAt !== null) return 'cancelled'
  if (row.ended || (row.expiresAt !== null && row.expiresAt <= now)) return 'ended'
  return row.version === newest ? 'newest' : 'overlapping'
}
