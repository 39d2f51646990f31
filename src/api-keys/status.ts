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

/**
 * What decides; a time of null = never. Whatever somebody did at once is in force because it was stored: the clock that
 * stamped it may run ahead.
 */
export type ApiKeyInstants = {
  readonly revokedAt: Date | null
  /** Revoked from `revokedAt` on; false = at once. */
  readonly revocationPlanned: boolean
  readonly expiresAt: Date | null
  /** Expired at once. */
  readonly ended: boolean
  readonly disabledAt: Date | null
  /** End of the overlap of the version whose secret was sent. */
  readonly versionExpiresAt: Date | null
  /** That version was ended at once. */
  readonly versionEnded: boolean
  /** When the key's service account was disabled; null without one. */
  readonly serviceAccountDisabledAt: Date | null
  readonly organizationSuspendedAt: Date | null
}

/**
 * An API key stops working exactly at each planned time, not after it. If there are several reasons, the one that is
 * hardest to undo is named. Does not check the environment, scopes or limits.
 */
export function apiKeyStatus(apiKey: ApiKeyInstants | undefined, now: Date): ApiKeyStatus {
  if (!apiKey) return 'unknown'
  if (isRevoked(apiKey, now)) return 'revoked'
  if (apiKey.ended || hasPassed(apiKey.expiresAt, now)) return 'expired'
  if (apiKey.versionEnded || hasPassed(apiKey.versionExpiresAt, now)) return 'version_ended'
  if (apiKey.disabledAt) return 'disabled'
  if (apiKey.serviceAccountDisabledAt) return 'service_account_disabled'
  if (apiKey.organizationSuspendedAt) return 'organization_suspended'
  return 'usable'
}

/** Also false while a revocation is only planned. */
export function isRevoked(
  { revokedAt, revocationPlanned }: Pick<ApiKeyInstants, 'revokedAt' | 'revocationPlanned'>,
  now: Date,
): boolean {
  return revokedAt !== null && (!revocationPlanned || revokedAt <= now)
}

function hasPassed(time: Date | null, now: Date): boolean {
  return time !== null && time <= now
}
