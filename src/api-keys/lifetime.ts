import { mustExpire } from '../access/permissions.ts'
import { ServiceError } from '../errors.ts'

/** What an organization says about how long its keys live; null = as long as anybody likes. */
export type LifetimePolicy = { readonly maxKeyLifetimeSeconds: number | null }

/**
 * Refuses an expiry that the organization's policy or the key's roles do not allow: throws `lifetime_not_allowed`, saying why and, where
 * there is one, the latest instant (`latest`) that would be allowed. Keys from before the policy are met when they are changed or rotated.
 */
export function requireLifetime(
  { expiresAt, roles }: { readonly expiresAt: Date | null; readonly roles: readonly string[] },
  { maxKeyLifetimeSeconds }: LifetimePolicy,
  now: Date,
): void {
  if (expiresAt === null && mustExpire(roles)) {
    throw new ServiceError('lifetime_not_allowed', {
      detail: 'A key with the role ci_service must expire: give expiresAt.',
    })
  }
  if (maxKeyLifetimeSeconds === null) return
  const latest = new Date(now.getTime() + maxKeyLifetimeSeconds * 1000)
  if (expiresAt !== null && expiresAt <= latest) return
  throw new ServiceError('lifetime_not_allowed', {
    detail: `API keys of this organization must expire within ${maxKeyLifetimeSeconds} s: give an expiresAt until ${latest.toISOString()}.`,
    extensions: { latest: latest.toISOString() },
  })
}
