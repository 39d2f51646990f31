import { mustExpire } from '../access/permissions.ts'
import { ServiceError } from '../errors.ts'

/** An organization's limit on the lifetime of its keys; null = no limit. */
type LifetimePolicy = { readonly maxKeyLifetimeSeconds: number | null }

/**
 * Throws `lifetime_not_allowed` for an expiry that the organization's policy or the key's roles do not allow. The error
 * says why and, under a policy, the latest allowed time (`latest`). Keys from before the policy are checked when they
 * are widened or extended: they can always be narrowed and rotated.
 */
export function requireLifetime(
  { expiresAt, roles }: { readonly expiresAt: Date | null; readonly roles: readonly string[] },
  { maxKeyLifetimeSeconds }: LifetimePolicy,
  now: Date,
): void {
  if (expiresAt === null && mustExpire(roles)) {
    throw new ServiceError('lifetime_not_allowed', {
      detail: 'A key with the role ci_service must expire. Set expiresAt.',
    })
  }
  if (maxKeyLifetimeSeconds === null) return
  const latest = new Date(now.getTime() + maxKeyLifetimeSeconds * 1000)
  if (expiresAt !== null && expiresAt <= latest) return
  throw new ServiceError('lifetime_not_allowed', {
    detail: `API keys of this organization must expire within ${maxKeyLifetimeSeconds} s. Set expiresAt to ${latest.toISOString()} or earlier.`,
    extensions: { latest: latest.toISOString() },
  })
}
