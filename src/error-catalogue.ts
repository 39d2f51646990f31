/** The error codes of the OAuth paths: RFC 6749 §5.2, RFC 8693 §2.2.2, RFC 6750 §3.1. */
export type OAuthErrorCode =
  | 'invalid_request'
  | 'invalid_client'
  | 'unauthorized_client'
  | 'unsupported_grant_type'
  | 'invalid_scope'
  | 'invalid_target'
  | 'invalid_token'
  | 'insufficient_scope'
  | 'temporarily_unavailable'
  | 'server_error'

export type CatalogueEntry = {
  /** HTTP status of both renderings. */
  status: 400 | 401 | 403 | 404 | 405 | 408 | 409 | 412 | 413 | 415 | 422 | 500 | 503
  /** Short, the same for every occurrence (RFC 9457 §3.1.3). */
  title: string
  /** `error` on the OAuth paths. */
  oauth: OAuthErrorCode
  /** Public text when the error gives none. Never contains user input. */
  detail: string
  /** Seconds for `Retry-After` when the error gives none. */
  retryAfterSeconds?: number
}

/** Code → response. docs/errors.md is generated from it: run `node scripts/errors-page.ts` after a change. */
export const errorCatalogue = {
  invalid_request: {
    status: 400,
    title: 'Invalid request',
    oauth: 'invalid_request',
    detail: 'The request is malformed. Correct it before you send it again.',
  },
  misplaced_credential: {
    status: 400,
    title: 'Misplaced credential',
    oauth: 'invalid_request',
    detail:
      'The request has an API key or an access token in a wrong place. Send it as Authorization or X-API-Key only. Treat it as leaked: revoke it.',
  },
  invalid_scope: {
    status: 400,
    title: 'Invalid scope',
    oauth: 'invalid_scope',
    detail:
      'The requested scope is malformed, or the API key does not hold it. Leave scope out to get all scopes of the key.',
  },
  invalid_target: {
    status: 400,
    title: 'Invalid target',
    oauth: 'invalid_target',
    detail:
      'The requested audience or resource is malformed, or the API key may not use it. Leave it out to get the default.',
  },
  unsupported_grant_type: {
    status: 400,
    title: 'Unsupported grant type',
    oauth: 'unsupported_grant_type',
    detail: 'Supported grant types are client_credentials and urn:ietf:params:oauth:grant-type:token-exchange.',
  },
  unauthorized_client: {
    status: 400,
    title: 'Unauthorized client',
    oauth: 'unauthorized_client',
    detail: 'This service has no sign-in page. Exchange an API key at /token, with the grant type client_credentials.',
  },
  /** A credential was refused. The true reason stays inside (`reason`): all refusals look the same to the caller. */
  api_key_rejected: {
    status: 401,
    title: 'Invalid client',
    oauth: 'invalid_client',
    detail: 'Client authentication failed.',
  },
  /** The API key given as `subject_token` was refused (RFC 8693 §2.2.2). */
  subject_token_rejected: {
    status: 400,
    title: 'Invalid subject token',
    oauth: 'invalid_request',
    detail: 'The subject_token was rejected. Send a valid API key.',
  },
  unauthenticated: {
    status: 401,
    title: 'Authentication required',
    oauth: 'invalid_client',
    detail: 'Send an API key or an access token for this service, as Authorization: Bearer or X-API-Key.',
  },
  permission_denied: {
    status: 403,
    title: 'Permission denied',
    oauth: 'invalid_request',
    detail: 'You do not have permission to do this.',
  },
  not_found: {
    status: 404,
    title: 'Not found',
    oauth: 'invalid_request',
    detail: 'Not found, or you do not have access.',
  },
  method_not_allowed: {
    status: 405,
    title: 'Method not allowed',
    oauth: 'invalid_request',
    detail: 'This path does not accept this method. The Allow header lists the methods it accepts.',
  },
  conflict: {
    status: 409,
    title: 'Conflict',
    oauth: 'invalid_request',
    detail: 'The current state of the resource does not allow this.',
  },
  /** If-Match names an old revision: somebody changed the resource in the meantime (RFC 9110 §13.1.1). */
  precondition_failed: {
    status: 412,
    title: 'Precondition failed',
    oauth: 'invalid_request',
    detail:
      'The resource changed since you read it. Read it again, then send the change with the new ETag in If-Match.',
  },
  /** The organization has as many API keys as its plan allows. */
  plan_limit_reached: {
    status: 409,
    title: 'Plan limit reached',
    oauth: 'invalid_request',
    detail: "The organization has reached its plan's limit. Remove one that is not needed, or change the plan.",
  },
  /** The organization's lifetime policy, or a role, requires an earlier end. */
  lifetime_not_allowed: {
    status: 422,
    title: 'Lifetime not allowed',
    oauth: 'invalid_request',
    detail: 'The API key would live longer than allowed. Set an earlier expiresAt.',
  },
  /** Activating the key now would break verifiers. The detail gives the time from which it is safe. */
  too_early: {
    status: 409,
    title: 'Too early',
    oauth: 'invalid_request',
    detail: 'It is too early to do this safely. Try again later.',
  },
  /** The same Idempotency-Key was used for a different request. */
  idempotency_key_reused: {
    status: 422,
    title: 'Idempotency key reused',
    oauth: 'invalid_request',
    detail: 'This Idempotency-Key was already used for a different request. Use a new key for each request.',
  },
  /** The first request with this key is still running, or it committed and its response was lost. */
  idempotency_key_in_use: {
    status: 409,
    title: 'Idempotency key in use',
    oauth: 'invalid_request',
    detail:
      'The first request with this Idempotency-Key has no response yet. Try again in a second. If this error persists, the request was done and its response was lost: look for what it created.',
    retryAfterSeconds: 1,
  },
  request_timeout: {
    status: 408,
    title: 'Request timeout',
    oauth: 'invalid_request',
    detail: 'The request body took too long to arrive. Send the request again.',
  },
  payload_too_large: {
    status: 413,
    title: 'Payload too large',
    oauth: 'invalid_request',
    detail: 'The request body is too large. Send less at once.',
  },
  unsupported_media_type: {
    status: 415,
    title: 'Unsupported media type',
    oauth: 'invalid_request',
    detail: 'This path does not accept the media type or content coding of the request body.',
  },
  database_unavailable: {
    status: 503,
    title: 'Temporarily unavailable',
    oauth: 'temporarily_unavailable',
    detail: 'The database is not responding. Nothing was changed. Try again.',
    retryAfterSeconds: 1,
  },
  /** A write was sent and its response was lost. It may have happened, and repeating the request is safe. */
  outcome_unknown: {
    status: 503,
    title: 'Outcome unknown',
    oauth: 'temporarily_unavailable',
    detail: 'The response of the database was lost. The change may have happened. It is safe to repeat the request.',
    retryAfterSeconds: 1,
  },
  /** The KEK provider (AWS KMS, an HSM) is not responding, or it refused. */
  kek_unavailable: {
    status: 503,
    title: 'Temporarily unavailable',
    oauth: 'temporarily_unavailable',
    detail: 'The key that seals the signing keys cannot be used right now. Try again.',
    retryAfterSeconds: 1,
  },
  keyring_unavailable: {
    status: 503,
    title: 'Temporarily unavailable',
    oauth: 'temporarily_unavailable',
    detail: 'No signing key can be used right now. Try again.',
    retryAfterSeconds: 1,
  },
  revocations_unavailable: {
    status: 503,
    title: 'Temporarily unavailable',
    oauth: 'temporarily_unavailable',
    detail: 'Cannot verify the token right now: the revocation list is out of date. Try again.',
    retryAfterSeconds: 1,
  },
  /** The revocation list still covers tokens that are issued now, for example shortly after an API key was enabled. */
  tokens_not_usable_yet: {
    status: 503,
    title: 'Temporarily unavailable',
    oauth: 'temporarily_unavailable',
    detail:
      'Tokens issued now are revoked already, because a revocation took effect only seconds ago. Try again after the time in Retry-After.',
    retryAfterSeconds: 1,
  },
  internal: {
    status: 500,
    title: 'Internal error',
    oauth: 'server_error',
    detail: 'Something went wrong in the service. If it happens again, give the request id to its operator.',
  },
} as const satisfies Record<string, CatalogueEntry>

export type ServiceErrorCode = keyof typeof errorCatalogue
