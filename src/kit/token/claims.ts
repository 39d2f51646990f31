import type { AccessTokenErrorReason } from '../access-token-error.ts'
import type { JsonObject } from '../json-object.ts'
import { type AccessToken, immutableSet } from './access-token.ts'

export type ClaimsExpectation = {
  readonly issuer: string
  /** Undefined = any. Only the service itself may do that, when it verifies tokens for other audiences. */
  readonly audience: string | undefined
  /** Undefined = any. */
  readonly environment: 'live' | 'test' | undefined
  readonly clockToleranceSeconds: number
  readonly maxTokenLifetimeSeconds: number
}

/**
 * Reads the claims of a payload whose signature is already verified. Returns the first fault if there is one. `now` =
 * seconds since 1970, fractions allowed.
 *
 * Time, with T = the clock tolerance: a token expires exactly at `exp + T`, so with T = 0 `exp == now` is expired.
 * `nbf` and `iat` may be at most T in the future, and `nbf == now` is valid (RFC 7519 §4.1.4–6, RFC 9068 §4). All three
 * are positive safe integers. `exp` is later than `iat`, by at most the longest lifetime that the verifier accepts.
 *
 * Issuer and audience must match exactly (no case folding, no trailing slash, no prefix). Does not check revocation.
 */
export function readClaims(
  claims: JsonObject,
  keyId: string,
  expected: ClaimsExpectation,
  now: number,
): AccessToken | AccessTokenErrorReason {
  const { iss, aud, sub, client_id, jti, org_id, env, key_version, scope, roles, iat, exp, nbf } = claims
  if (iss !== expected.issuer) return 'issuer'

  const audience = typeof aud === 'string' ? [aud] : aud
  if (!isListOfStrings(audience) || audience.length === 0) return 'audience'
  if (expected.audience !== undefined && !audience.includes(expected.audience)) return 'audience'

  if (
    !isPositiveInteger(exp) ||
    !isPositiveInteger(iat) ||
    !(nbf === undefined || isPositiveInteger(nbf)) ||
    exp <= iat
  )
    return 'claim_missing_or_malformed'
  if (now >= exp + expected.clockToleranceSeconds) return 'expired'
  const ahead = now + expected.clockToleranceSeconds
  if (iat > ahead || (nbf !== undefined && nbf > ahead)) return 'not_yet_valid'
  if (exp - iat > expected.maxTokenLifetimeSeconds) return 'lifetime_too_long'

  if (!isName(jti) || !isName(client_id) || !isName(org_id) || !isSubject(sub)) return 'claim_missing_or_malformed'
  if (!isPositiveInteger(key_version)) return 'claim_missing_or_malformed'
  if (!isScope(scope) || !(roles === undefined || isListOfStrings(roles))) return 'claim_missing_or_malformed'
  if (env !== 'live' && env !== 'test') return 'environment'
  if (expected.environment !== undefined && env !== expected.environment) return 'environment'

  return Object.freeze({
    id: jti,
    issuer: iss,
    subject: sub,
    clientId: client_id,
    keyVersion: key_version,
    organizationId: org_id,
    environment: env,
    audience: Object.freeze(audience),
    scopes: scope ? immutableSet(scope.split(' ')) : noScopes,
    roles: roles && roles.length > 0 ? immutableSet(roles) : noScopes,
    issuedAt: iat,
    expiresAt: exp,
    keyId,
    claims,
  })
}

/** RFC 6749 §3.3: scope tokens separated by one space. A list, tabs and non-ASCII letters are refused. */
export function isScope(value: unknown): value is string | undefined {
  return value === undefined || value === '' || (typeof value === 'string' && scopeGrammar.test(value))
}

const scopeGrammar = /^[\x21\x23-\x5b\x5d-\x7e]+(?: [\x21\x23-\x5b\x5d-\x7e]+)*$/
const noScopes = immutableSet([])

/**
 * JSON allows 1e400 (Infinity) and numbers too large to be exact. Refuses both, and also fractions and negative
 * numbers.
 */
function isPositiveInteger(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0
}

/**
 * An identifier that the service generated: visible ASCII, so that it is safe in log lines and in names joined by a
 * space.
 */
function isName(value: unknown): value is string {
  return typeof value === 'string' && /^[\x21-\x7e]{1,256}$/.test(value)
}

/** In characters, not UTF-16 code units: the service counts a subject's characters too. */
const longestSubject = 256

/**
 * The application may choose the subject (RFC 9068 §2.2): any characters except control characters and unpaired
 * surrogates.
 */
function isSubject(value: unknown): value is string {
  return (
    typeof value === 'string' &&
    value.length > 0 &&
    (value.length <= longestSubject || [...value.slice(0, 2 * longestSubject + 1)].length <= longestSubject) &&
    value.isWellFormed() &&
    !/\p{Cc}/u.test(value)
  )
}

function isListOfStrings(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string' && item !== '')
}
