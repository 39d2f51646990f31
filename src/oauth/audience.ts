import { ServiceError } from '../errors.ts'

export type AudienceRules = {
  /** Audience of the admin API: the service itself. */
  readonly issuer: string
  readonly defaultAudience: string
}

/** What of an API key decides about audiences. `audiences` are those beside the default one. */
export type AudienceHolder = { readonly audiences: readonly string[]; readonly roles: readonly string[] }

/**
 * The audiences of a token: those asked for, if the key holds every one, otherwise `invalid_target` (RFC 8707 §2, RFC
 * 8693 §2.2.2). Nothing asked gives the default audience. Names are compared as they stand: no case folding, no
 * trailing slash.
 *
 * A root key reaches the issuer and nothing else. The issuer's audience stands alone: an application that receives a
 * token must not be able to carry it to the admin API.
 */
export function narrowAudience(
  requested: readonly string[],
  holder: AudienceHolder,
  rules: AudienceRules,
): readonly string[] {
  const isRoot = holder.roles.includes('root')
  if (requested.length === 0) return [isRoot ? rules.issuer : rules.defaultAudience]
  const asked = [...new Set(requested)]
  if (!asked.every((audience) => holds(audience, isRoot, holder, rules))) throw new ServiceError('invalid_target')
  if (asked.length > 1 && asked.includes(rules.issuer)) {
    throw new ServiceError('invalid_target', {
      detail: 'The audience of the admin API cannot be combined with another one.',
    })
  }
  return asked
}

/** A role is the right to use the admin API, so it holds the issuer's audience without being told. */
function holds(audience: string, isRoot: boolean, holder: AudienceHolder, rules: AudienceRules): boolean {
  if (isRoot) return audience === rules.issuer
  if (audience === rules.issuer) return holder.roles.length > 0 || holder.audiences.includes(audience)
  return audience === rules.defaultAudience || holder.audiences.includes(audience)
}

/** RFC 8707 §2: a resource is an absolute URI (RFC 3986 §4.3) without a fragment; anything else is `invalid_target`. */
export function checkResource(resource: string): string {
  if (!absoluteUri.test(resource))
    throw new ServiceError('invalid_target', { detail: 'resource must be an absolute URI without a fragment.' })
  return resource
}

const absoluteUri = /^[A-Za-z][A-Za-z0-9+.-]*:(?:[A-Za-z0-9\-._~:/?[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})+$/
