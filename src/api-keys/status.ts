/** What a key that is there can be: why it cannot be used, or `usable`. */
export const apiKeyStatuses = [
  'usable',
  'revoked',
  'expired',
  'version_ended',
  'disabled',
  'service_account_disabled',
  'organization_suspended',
] as const

/** Why an API key cannot be used, or `usable`. Outside all refusals are alike; the word goes to logs and counters. */
export type ApiKeyStatus = (typeof apiKeyStatuses)[number] | 'unknown'

/** The instants that decide; null = never. */
export type ApiKeyInstants = {
  readonly revokedAt: Date | null
  readonly expiresAt: Date | null
  readonly disabledAt: Date | null
  /** End of the overlap of the version whose secret was shown. */
  readonly versionExpiresAt: Date | null
  /** Of the service account that the key belongs to; null without one. */
  readonly serviceAccountDisabledAt: Date | null
  readonly organizationSuspendedAt: Date | null
}

/**
 * An API key stops working at each of its instants, not after it. Instants may lie ahead. Where several have come, the one
 * that can least be undone is named. Does not check the environment, scopes or limits.
 */
export function apiKeyStatus(apiKey: ApiKeyInstants | undefined, now: Date): ApiKeyStatus {
  if (!apiKey) return 'unknown'
  if (hasCome(apiKey.revokedAt, now)) return 'revoked'
  if (hasCome(apiKey.expiresAt, now)) return 'expired'
  if (hasCome(apiKey.versionExpiresAt, now)) return 'version_ended'
  if (hasCome(apiKey.disabledAt, now)) return 'disabled'
  if (hasCome(apiKey.serviceAccountDisabledAt, now)) return 'service_account_disabled'
  if (hasCome(apiKey.organizationSuspendedAt, now)) return 'organization_suspended'
  return 'usable'
}

function hasCome(instant: Date | null, now: Date): boolean {
  return instant !== null && instant <= now
}
