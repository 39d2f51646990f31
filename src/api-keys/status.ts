/** The statuses of an existing key: `usable`, or why it cannot be used. */
export const apiKeyStatuses = [
  'usable',
  'revoked',
  'expired',
  'version_ended',
  'disabled',
  'service_account_disabled',
  'organization_suspended',
] as const

/**
 * `usable`, or why an API key cannot be used. All refusals look the same to the caller; the word goes to logs and
 * counters.
 */
export type ApiKeyStatus = (typeof apiKeyStatuses)[number] | 'unknown'

/** The times that decide; null = never. */
export type ApiKeyInstants = {
  readonly revokedAt: Date | null
  readonly expiresAt: Date | null
  readonly disabledAt: Date | null
  /** End of the overlap of the version whose secret was sent. */
  readonly versionExpiresAt: Date | null
  /** When the key's service account was disabled; null without one. */
  readonly serviceAccountDisabledAt: Date | null
  readonly organizationSuspendedAt: Date | null
}

/**
 * An API key stops working exactly at each of these times, not after it. Times may be in the future. If several have
 * passed, the one that is hardest to undo is named. Does not check the environment, scopes or limits.
 */
export function apiKeyStatus(apiKey: ApiKeyInstants | undefined, now: Date): ApiKeyStatus {
  if (!apiKey) return 'unknown'
  if (hasPassed(apiKey.revokedAt, now)) return 'revoked'
  if (hasPassed(apiKey.expiresAt, now)) return 'expired'
  if (hasPassed(apiKey.versionExpiresAt, now)) return 'version_ended'
  if (hasPassed(apiKey.disabledAt, now)) return 'disabled'
  if (hasPassed(apiKey.serviceAccountDisabledAt, now)) return 'service_account_disabled'
  if (hasPassed(apiKey.organizationSuspendedAt, now)) return 'organization_suspended'
  return 'usable'
}

function hasPassed(time: Date | null, now: Date): boolean {
  return time !== null && time <= now
}
