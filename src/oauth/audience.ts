import { ServiceError } from '../errors.ts'

export type AudienceRules = {
  /** Audience of the admin API: the service itself. */
  readonly issuer: string
  readonly defaultAudience: string
}

/** The parts of an API key that decide about audiences. `audiences` does not include the default audience. */
type KeyRights = { readonly audiences: readonly string[]; readonly roles: readonly string[] }

/**
 * The audiences of a token: the requested ones if the key holds all of them, otherwise `invalid_target` (RFC 8707 §2,
 * RFC 8693 §2.2.2). If none is requested, the default audience. Names must match exactly: no case folding, no trailing
 * slash.
 *
 * A root key can only get the issuer's audience. The issuer's audience cannot be combined with others: an application
 * that receives a token must not be able to use it at the admin API.
 */
export function narrowAudience(requested: readonly string[], key: KeyRights, rules: AudienceRules): readonly string[] {
  const isRoot = key.roles.includes('root')
  if (requested.length === 0) return [isRoot ? rules.issuer : rules.defaultAudience]
  const asked = [...new Set(requested)]
  if (!asked.every((audience) => holds(audience, isRoot, key, rules))) throw new ServiceError('invalid_target')
  if (asked.length > 1 && asked.includes(rules.issuer)) {
    throw new ServiceError('invalid_target', {
      detail: 'The audience of the admin API cannot be combined with another audience. Request it alone.',
    })
  }
  return asked
}

/** A role gives access to the admin API, so a key with a role always holds the issuer's audience. */
function holds(audience: string, isRoot: boolean, key: KeyRights, rules: AudienceRules): boolean {
  if (isRoot) return audience === rules.issuer
  if (audience === rules.issuer) return key.roles.length > 0 || key.audiences.includes(audience)
  return audience === rules.defaultAudience || key.audiences.includes(audience)
}

/** RFC 8707 §2: a resource is an absolute URI (RFC 3986 §4.3) without a fragment; anything else is `invalid_target`. */
export function checkResource(resource: string): string {
  if (!absoluteUri.test(resource))
    throw new ServiceError('invalid_target', { detail: 'resource must be an absolute URI without a fragment.' })
  return resource
}

const absoluteUri = /^[A-Za-z][A-Za-z0-9+.-]*:(?:[A-Za-z0-9\-._~:/?[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})+$/
