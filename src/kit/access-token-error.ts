/**
 * `invalid_token` 401, `insufficient_scope` 403, `invalid_request` 400 (RFC 6750 §3.1), `unavailable` 503: a dependency cannot say,
 * so the token may well be good and the caller should come back.
 */
export type AccessTokenErrorCode = 'invalid_token' | 'insufficient_scope' | 'invalid_request' | 'unavailable'

/** Why, for logs and counters of the application. Never for the caller: which check failed helps whoever is guessing. */
export type AccessTokenErrorReason =
  | 'missing'
  | 'credential_malformed'
  | 'credential_in_url'
  | 'too_long'
  | 'malformed'
  | 'not_an_object'
  | 'duplicate_member'
  | 'header_parameter'
  | 'type'
  | 'algorithm'
  | 'kid'
  | 'unknown_key'
  | 'signature'
  | 'issuer'
  | 'audience'
  | 'environment'
  | 'claim_missing_or_malformed'
  | 'expired'
  | 'not_yet_valid'
  | 'lifetime_too_long'
  | 'revoked'
  | 'scope'
  | 'keys_unavailable'
  | 'revocations_unavailable'

/** The one error that verification throws on purpose. Neither its text nor its cause holds the token. */
export class AccessTokenError extends Error {
  readonly code: AccessTokenErrorCode
  readonly reason: AccessTokenErrorReason
  /** Set for `unavailable`. */
  readonly retryAfterSeconds: number | undefined

  constructor(
    code: AccessTokenErrorCode,
    reason: AccessTokenErrorReason,
    options: { retryAfterSeconds?: number | undefined; cause?: unknown } = {},
  ) {
    super(`${code}: ${reason}`, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'AccessTokenError'
    this.code = code
    this.reason = reason
    this.retryAfterSeconds = options.retryAfterSeconds
  }
}
