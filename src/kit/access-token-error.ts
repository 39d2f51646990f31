import type { AccessToken } from './token/access-token.ts'

/**
 * `invalid_token` 401, `insufficient_scope` 403, `invalid_request` 400 (RFC 6750 §3.1). `unavailable` 503: the token
 * cannot be verified right now. It may be valid, so the caller should try again.
 */
export type AccessTokenErrorCode = 'invalid_token' | 'insufficient_scope' | 'invalid_request' | 'unavailable'

/**
 * The exact reason, for your logs and counters. Do not send it to the caller: it tells an attacker which check failed.
 */
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

/** The only error that verification throws on purpose. Its message and its cause never contain the token. */
export class AccessTokenError extends Error {
  readonly code: AccessTokenErrorCode
  readonly reason: AccessTokenErrorReason
  /** Set for `unavailable` only. */
  readonly retryAfterSeconds: number | undefined
  /** What the token said, for your logs. Set for the reason `revoked` only: anything else may be forged. */
  readonly token: AccessToken | undefined

  constructor(
    code: AccessTokenErrorCode,
    reason: AccessTokenErrorReason,
    options: { retryAfterSeconds?: number | undefined; token?: AccessToken | undefined; cause?: unknown } = {},
  ) {
    super(`${code}: ${messages[reason]}`, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'AccessTokenError'
    this.code = code
    this.reason = reason
    this.retryAfterSeconds = options.retryAfterSeconds
    this.token = options.token
  }
}

const messages: Readonly<Record<AccessTokenErrorReason, string>> = {
  missing: 'The request has no access token.',
  credential_malformed: 'The request must have exactly one Authorization header with one Bearer token.',
  credential_in_url: 'The access token is in the URL. Send it in the Authorization header.',
  too_long: 'The token is longer than 8192 characters.',
  malformed: 'This is not a well-formed token.',
  not_an_object: 'The header or the payload of the token is not a JSON object.',
  duplicate_member: 'The token has two members with the same name.',
  header_parameter: 'The header of the token has a parameter that is not allowed.',
  type: 'The type of the token is not at+jwt.',
  algorithm: 'The algorithm of the token is not allowed, or is not the algorithm of its key.',
  kid: 'The token does not name its key.',
  unknown_key: 'The issuer does not have the key that the token names.',
  signature: 'The signature of the token is wrong.',
  issuer: 'The token is from another issuer.',
  audience: 'The token is for another audience.',
  environment: 'The token is for the other environment (live or test).',
  claim_missing_or_malformed: 'A claim of the token is missing or malformed.',
  expired: 'The token has expired.',
  not_yet_valid: 'The token is not valid yet.',
  lifetime_too_long: 'The lifetime of the token is longer than this verifier accepts.',
  revoked: 'The token is revoked.',
  scope: 'The token does not have the required scope.',
  keys_unavailable: 'Cannot verify the token right now: the keys could not be fetched from the issuer.',
  revocations_unavailable: 'Cannot verify the token right now: the revocation list is not loaded or too old.',
}
