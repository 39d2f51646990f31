import type { Role } from '../access/principal.ts'
import { idPrefixes } from '../crypto/random.ts'
import { ServiceError } from '../errors.ts'
import { isScopeToken } from '../oauth/scope.ts'
import { type ApiKeyEnvironment, defaultApiKeyPrefix } from './format.ts'

/** What a caller may say about a key that it creates. Lengths are the caller's to have checked. */
export type ApiKeyInput = {
  readonly name: string
  readonly environment: ApiKeyEnvironment
  /** RFC 6749 §3.3 scope tokens. */
  readonly scopes?: readonly string[] | undefined
  /** Audiences beside the service's default one. */
  readonly audiences?: readonly string[] | undefined
  readonly roles?: readonly Role[] | undefined
  /** `sub` of the key's tokens; absent = the key's id. */
  readonly subject?: string | undefined
  /** JWS algorithm that its tokens are signed with; absent = the service's default. */
  readonly tokenAlgorithm?: string | undefined
  readonly expiresAt?: Date | undefined
  /** Absent = the caller's own organization. */
  readonly organizationId?: string | undefined
}

export type ApiKeyDraft = {
  name: string
  environment: ApiKeyEnvironment
  scopes: string[]
  audiences: string[]
  roles: Role[]
  subject: string | null
  tokenAlgorithm: string | null
  expiresAt: Date | null
}

/**
 * The key as it will be stored, repeated values folded. Throws `invalid_request` naming the member at fault. Does not check
 * whether the caller holds what it grants (access/authorize.ts), nor any plan's limit, nor whether there is a signing key of the algorithm.
 * `apiKeyPrefixes` = what secrets of this service begin with.
 */
export function draftApiKey(input: ApiKeyInput, now: Date, apiKeyPrefixes: readonly string[] = [defaultApiKeyPrefix]): ApiKeyDraft {
  const { name, environment, scopes = [], audiences = [], roles = [], subject = null, tokenAlgorithm = null, expiresAt = null } = input
  if (!scopes.every(isScopeToken)) throw refused('scopes holds something that is no scope token (RFC 6749 §3.3).')
  if (!audiences.every(isAudience)) throw refused('audiences holds something that is not 1 or more visible ASCII characters.')
  if (roles.length > 0 && environment === 'test') throw refused('A test key cannot hold roles: roles reach live things.')
  if (subject !== null && startsLikeOurs(subject, apiKeyPrefixes))
    throw refused('subject starts with a prefix that the service keeps for its own ids.')
  if (expiresAt !== null && !(expiresAt > now)) throw refused('expiresAt is not in the future.')
  const lists = { scopes: unique(scopes), audiences: unique(audiences), roles: unique(roles) }
  return { name, environment, ...lists, subject, tokenAlgorithm, expiresAt }
}

function isAudience(text: string): boolean {
  return /^[\x21-\x7e]+$/.test(text)
}

/** A subject that starts like an id or a secret of ours could pass for another client, organization or person. */
function startsLikeOurs(subject: string, apiKeyPrefixes: readonly string[]): boolean {
  const folded = subject.toLowerCase()
  return [...idPrefixes, ...apiKeyPrefixes].some((prefix) => folded.startsWith(`${prefix}_`))
}

function unique<Value>(values: readonly Value[]): Value[] {
  return [...new Set(values)]
}

function refused(detail: string): ServiceError {
  return new ServiceError('invalid_request', { detail })
}
