import { canonicalCidr } from '../access/cidr.ts'
import { idPrefixes } from '../crypto/random.ts'
import { ServiceError } from '../errors.ts'
import { isScopeToken } from '../oauth/scope.ts'
import { type CustomClaims, faultOfCustomClaims } from './custom-claims.ts'
import { type ApiKeyEnvironment, defaultApiKeyPrefix } from './format.ts'

/**
 * What a caller may say about a key when it is created, changed or rotated; absent = nothing, or as it is. Lengths are the caller's to have
 * checked, but for custom claims.
 */
export type ApiKeyChange = {
  readonly name?: string | undefined
  readonly description?: string | undefined
  /** RFC 6749 §3.3 scope tokens. */
  readonly scopes?: readonly string[] | undefined
  /** Audiences beside the service's default one. */
  readonly audiences?: readonly string[] | undefined
  /** Built-in roles, and custom ones of the organization. */
  readonly roles?: readonly string[] | undefined
  /** `sub` of the key's tokens; null = the key's id. */
  readonly subject?: string | null | undefined
  /** JWS algorithm that its tokens are signed with; null = the service's default. */
  readonly tokenAlgorithm?: string | null | undefined
  /** Claims that its tokens carry beside those of the service. */
  readonly customClaims?: CustomClaims | null | undefined
  /** CIDR ranges; an empty list of allowed ones allows every address. */
  readonly allowedCidrs?: readonly string[] | undefined
  readonly deniedCidrs?: readonly string[] | undefined
  /** Own limit in place of the plan's. */
  readonly requestsPerMinute?: number | null | undefined
  readonly rotateEverySeconds?: number | null | undefined
  readonly labels?: readonly string[] | undefined
  /** An account of the key's organization. */
  readonly serviceAccountId?: string | null | undefined
  /** Null = never. */
  readonly expiresAt?: Date | null | undefined
}

export type ApiKeyInput = ApiKeyChange & {
  readonly name: string
  readonly environment: ApiKeyEnvironment
  /** Absent = the caller's own organization. */
  readonly organizationId?: string | undefined
}

/** What a key is for and what it may do: as it is stored, and as it is shown. */
export type ApiKeyTraits = {
  name: string
  description: string
  environment: ApiKeyEnvironment
  scopes: string[]
  /** Beside the service's default one. */
  audiences: string[]
  roles: string[]
  /** `sub` of its tokens; null = its id. */
  subject: string | null
  /** JWS algorithm that its tokens are signed with; null = the service's default. */
  tokenAlgorithm: string | null
  /** Claims that its tokens carry beside those of the service. */
  customClaims: CustomClaims | null
  /** Canonical CIDR ranges; no allowed one allows every address. */
  allowedCidrs: string[]
  deniedCidrs: string[]
  /** Own limit; null = the plan's. */
  requestsPerMinute: number | null
  /** Automatic rotation policy; null = none. */
  rotateEverySeconds: number | null
  labels: string[]
  serviceAccountId: string | null
}

/** Everything about a key that can be changed, and its environment, which cannot. */
export type ApiKeyDraft = ApiKeyTraits & { expiresAt: Date | null }

/**
 * The key as it will be stored, repeated values folded, CIDR ranges in their canonical form. Throws `invalid_request` naming the member at
 * fault. Does not check whether the caller holds what it grants (access/authorize.ts), nor any plan's limit or lifetime, nor whether there
 * is such a service account or a signing key of the algorithm. `apiKeyPrefixes` = what secrets of this service begin with.
 */
export function draftApiKey(
  input: ApiKeyChange & Pick<ApiKeyInput, 'name' | 'environment'>,
  now: Date,
  apiKeyPrefixes: readonly string[] = [defaultApiKeyPrefix],
): ApiKeyDraft {
  const { name, environment, scopes = [], audiences = [], roles = [], subject = null, expiresAt = null } = input
  if (!scopes.every(isScopeToken)) throw refused('scopes holds something that is no scope token (RFC 6749 §3.3).')
  if (!audiences.every(isAudience))
    throw refused('audiences holds something that is not 1 or more visible ASCII characters.')
  if (roles.length > 0 && environment === 'test')
    throw refused('A test key cannot hold roles: roles reach live things.')
  if (subject !== null && startsLikeOurs(subject, apiKeyPrefixes))
    throw refused('subject starts with a prefix that the service keeps for its own ids.')
  if (expiresAt !== null && !(expiresAt > now)) throw refused('expiresAt is not in the future.')
  return {
    name,
    description: input.description ?? '',
    environment,
    scopes: unique(scopes),
    audiences: unique(audiences),
    roles: unique(roles),
    subject,
    tokenAlgorithm: input.tokenAlgorithm ?? null,
    customClaims: checkedClaims(input.customClaims ?? null),
    allowedCidrs: checkedCidrs('allowedCidrs', input.allowedCidrs),
    deniedCidrs: checkedCidrs('deniedCidrs', input.deniedCidrs),
    requestsPerMinute: input.requestsPerMinute ?? null,
    rotateEverySeconds: input.rotateEverySeconds ?? null,
    labels: unique(input.labels ?? []),
    serviceAccountId: input.serviceAccountId ?? null,
    expiresAt,
  }
}

function isAudience(text: string): boolean {
  return /^[\x21-\x7e]+$/.test(text)
}

/** A subject that starts like an id or a secret of ours could pass for another client, organization or person. */
function startsLikeOurs(subject: string, apiKeyPrefixes: readonly string[]): boolean {
  const folded = subject.toLowerCase()
  return [...idPrefixes, ...apiKeyPrefixes].some((prefix) => folded.startsWith(`${prefix}_`))
}

/** No claims at all and claims that are none say the same. */
function checkedClaims(claims: CustomClaims | null): CustomClaims | null {
  const fault = claims === null ? undefined : faultOfCustomClaims(claims)
  if (fault !== undefined) throw refused(fault)
  return claims === null || Object.keys(claims).length === 0 ? null : claims
}

function checkedCidrs(member: string, texts: readonly string[] = []): string[] {
  const ranges = texts.map((text) => canonicalCidr(text))
  const canonical = ranges.filter((range) => range !== undefined)
  if (canonical.length < ranges.length) {
    throw refused(
      `${member} holds something that is no CIDR range, or one whose address has bits set beyond its prefix.`,
    )
  }
  return unique(canonical)
}

function unique<Value>(values: readonly Value[]): Value[] {
  return [...new Set(values)]
}

function refused(detail: string): ServiceError {
  return new ServiceError('invalid_request', { detail })
}
