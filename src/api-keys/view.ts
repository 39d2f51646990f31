import type { RefusedAttempts } from '../usage/attempt-queries.ts'
import type { ApiKeyUsageRow } from '../usage/queries.ts'
import { rotationDueAt } from './overlap.ts'
import { type ApiKeyDraft, type ShownSettings, shownSettings } from './settings.ts'
import { type ApiKeyInstants, type ApiKeyStatus, apiKeyStatus } from './status.ts'

/** An API key as the admin API shows it. Times are RFC 3339 texts. Holds neither the secret nor its hash. */
export type ApiKeyView = ShownSettings & {
  id: string
  organizationId: string
  /** Computed at the time of the request. */
  status: Exclude<ApiKeyStatus, 'unknown'>
  /** When the rotation policy wants the newest version replaced; null = never. */
  rotationDueAt: string | null
  /** The newest version. */
  version: number
  /** Last four characters of the newest version's random part. */
  hint: string
  createdAt: string
  createdBy: string
  disabledAt: string | null
  /** Client id of the caller who disabled or revoked it; null for a key from before this was recorded. */
  disabledBy: string | null
  revokedAt: string | null
  revokedBy: string | null
  revocationReason: string | null
  revocationText: string | null
  /** Increases with each change; sent as the ETag. */
  revision: number
  /** Use of all versions, a few seconds behind. Null = never used. */
  lastUsedAt: string | null
  exchanges: number
  /** Successful authentications, including those for exchanges. */
  authentications: number
  /** Attempts that were refused, for example because the key is revoked; null = none. */
  refusedAttempts: RefusedAttempts | null
}

/**
 * Usage of one version, a few seconds behind. Addresses and agents: the last few, newest first. Agents are text that
 * callers sent.
 */
export type ApiKeyVersionUsage = {
  version: number
  exchanges: number
  authentications: number
  lastUsedAt: string
  /** The latest expiry of its tokens: until then one of them may be alive. */
  lastExpiresAt: string | null
  addresses: string[]
  agents: string[]
}

/** `usage`: newest version first, without versions that were never used. */
export type ApiKeyDetail = ApiKeyView & { usage: ApiKeyVersionUsage[] }

type ApiKeyRow = ApiKeyInstants &
  Readonly<ApiKeyDraft> & {
    readonly id: string
    readonly organizationId: string
    readonly version: number
    readonly versionCreatedAt: Date
    readonly hint: string
    readonly createdAt: Date
    readonly createdBy: string
    readonly disabledBy: string | null
    readonly revokedBy: string | null
    readonly lastUsedAt: Date | null
    readonly exchanges: number
    readonly authentications: number
    readonly refusedAttempts: RefusedAttempts | null
    readonly revocationReason: string | null
    readonly revocationText: string | null
    readonly revision: number
  }

export function apiKeyView(row: ApiKeyRow, now: Date): ApiKeyView {
  const status = apiKeyStatus(row, now)
  if (status === 'unknown') throw new Error('a key that was read has a status')
  return {
    id: row.id,
    organizationId: row.organizationId,
    status,
    ...shownSettings(row),
    rotationDueAt: rotationDueAt(row)?.toISOString() ?? null,
    version: row.version,
    hint: row.hint,
    createdAt: row.createdAt.toISOString(),
    createdBy: row.createdBy,
    disabledAt: row.disabledAt?.toISOString() ?? null,
    disabledBy: row.disabledBy,
    revokedAt: row.revokedAt?.toISOString() ?? null,
    revokedBy: row.revokedBy,
    revocationReason: row.revocationReason,
    revocationText: row.revocationText,
    revision: row.revision,
    lastUsedAt: row.lastUsedAt?.toISOString() ?? null,
    exchanges: row.exchanges,
    authentications: row.authentications,
    refusedAttempts: row.refusedAttempts,
  }
}

export function apiKeyVersionUsage({ lastUsedAt, lastExpiresAt, ...row }: ApiKeyUsageRow): ApiKeyVersionUsage {
  return {
    version: row.version,
    exchanges: row.exchanges,
    authentications: row.authentications,
    lastUsedAt: lastUsedAt.toISOString(),
    lastExpiresAt: row.exchanges > 0 ? lastExpiresAt.toISOString() : null,
    addresses: [...row.addresses],
    agents: [...row.agents],
  }
}
