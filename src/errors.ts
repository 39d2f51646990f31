/** What the OAuth paths may answer: RFC 6749 §5.2, RFC 8693 §2.2.2, RFC 6750 §3.1. */
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
  status: 400 | 401 | 403 | 404 | 405 | 406 | 408 | 409 | 412 | 413 | 415 | 422 | 429 | 500 | 503
  /** Short, the same for every occurrence (RFC 9457 §3.1.3). */
  title: string
  /** `error` on the OAuth paths. */
  oauth: OAuthErrorCode
  /** Public text when the thrower gives none. Never holds user input. */
  detail: string
  /** Seconds for `Retry-After` when the thrower gives none. */
  retryAfterSeconds?: number
}

/** Code → how it is answered. docs/errors.md is made from it: `node scripts/errors-page.ts` after a change. */
export const errorCatalogue = {
  invalid_request: {
    status: 400,
    title: 'Invalid request',
    oauth: 'invalid_request',
    detail: 'The request is malformed.',
  },
  invalid_scope: {
    status: 400,
    title: 'Invalid scope',
    oauth: 'invalid_scope',
    detail: 'The requested scope is malformed or more than the API key holds.',
  },
  invalid_target: {
    status: 400,
    title: 'Invalid target',
    oauth: 'invalid_target',
    detail: 'The requested audience or resource is malformed or not open to the API key.',
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
    detail: 'The API key may not use this grant.',
  },
  /** A credential was refused. The true reason stays inside (`reason`); outside all refusals are alike. */
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
    detail: 'The subject_token is not acceptable.',
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
    detail: 'The caller may not do this.',
  },
  not_found: { status: 404, title: 'Not found', oauth: 'invalid_request', detail: 'There is no such thing here.' },
  method_not_allowed: {
    status: 405,
    title: 'Method not allowed',
    oauth: 'invalid_request',
    detail: 'This path takes another method.',
  },
  conflict: {
    status: 409,
    title: 'Conflict',
    oauth: 'invalid_request',
    detail: 'The state of the resource does not allow this.',
  },
  /** If-Match names a revision that the thing no longer has: somebody else changed it meanwhile (RFC 9110 §13.1.1). */
  precondition_failed: {
    status: 412,
    title: 'Precondition failed',
    oauth: 'invalid_request',
    detail: 'It was changed since you read it. Read it again, then repeat the change with its new ETag in If-Match.',
  },
  /** The organization has as many API keys as its plan allows. */
  plan_limit_reached: {
    status: 409,
    title: 'Plan limit reached',
    oauth: 'invalid_request',
    detail: "The organization's plan allows no more of these.",
  },
  /** The organization's lifetime policy, or a role, wants the key to end sooner. */
  lifetime_not_allowed: {
    status: 422,
    title: 'Lifetime not allowed',
    oauth: 'invalid_request',
    detail: 'The API key would live longer than it may.',
  },
  /** A key may not move yet; the detail names the instant from which it may. */
  too_early: { status: 409, title: 'Too early', oauth: 'invalid_request', detail: 'This is not safe yet.' },
  /** The same Idempotency-Key came with another request before. */
  idempotency_key_reused: {
    status: 422,
    title: 'Idempotency key reused',
    oauth: 'invalid_request',
    detail: 'This Idempotency-Key came with another request before: give each request a key of its own.',
  },
  /** The first request with this key is under way, or what it did is committed and its answer was lost. */
  idempotency_key_in_use: {
    status: 409,
    title: 'Idempotency key in use',
    oauth: 'invalid_request',
    detail:
      'The first request with this Idempotency-Key is not answered yet. Repeat it in a second; if this stays so, it was done and its answer was lost: look for what it made.',
    retryAfterSeconds: 1,
  },
  request_timeout: {
    status: 408,
    title: 'Request timeout',
    oauth: 'invalid_request',
    detail: 'The request body took too long.',
  },
  payload_too_large: {
    status: 413,
    title: 'Payload too large',
    oauth: 'invalid_request',
    detail: 'The request body is larger than 16 KB.',
  },
  unsupported_media_type: {
    status: 415,
    title: 'Unsupported media type',
    oauth: 'invalid_request',
    detail: 'The request body has a media type or a content coding that is not accepted here.',
  },
  database_unavailable: {
    status: 503,
    title: 'Temporarily unavailable',
    oauth: 'temporarily_unavailable',
    detail: 'The database does not answer. Nothing was changed.',
    retryAfterSeconds: 1,
  },
  /** A write was sent and its answer was lost: it may or may not have happened, and repeating it is safe. */
  outcome_unknown: {
    status: 503,
    title: 'Outcome unknown',
    oauth: 'temporarily_unavailable',
    detail: 'The answer of the database was lost. The change may have happened; repeating the request is safe.',
    retryAfterSeconds: 1,
  },
  /** What holds a KEK (AWS KMS, an HSM) does not answer or refuses. */
  kek_unavailable: {
    status: 503,
    title: 'Temporarily unavailable',
    oauth: 'temporarily_unavailable',
    detail: 'The key that seals the signing keys cannot be used right now.',
    retryAfterSeconds: 1,
  },
  keyring_unavailable: {
    status: 503,
    title: 'Temporarily unavailable',
    oauth: 'temporarily_unavailable',
    detail: 'No signing key can be used right now.',
    retryAfterSeconds: 1,
  },
  revocations_unavailable: {
    status: 503,
    title: 'Temporarily unavailable',
    oauth: 'temporarily_unavailable',
    detail: 'The revocation list is not fresh enough to answer.',
    retryAfterSeconds: 1,
  },
  stopping: {
    status: 503,
    title: 'Stopping',
    oauth: 'temporarily_unavailable',
    detail: 'This instance is stopping.',
    retryAfterSeconds: 1,
  },
  internal: {
    status: 500,
    title: 'Internal error',
    oauth: 'server_error',
    detail: 'Something went wrong on our side.',
  },
} as const satisfies Record<string, CatalogueEntry>

export type ServiceErrorCode = keyof typeof errorCatalogue

export type ServiceErrorOptions = {
  /** Private: goes to the log and the counters, never to the caller. */
  reason?: string
  /** Public text in place of the catalogue's. Must not hold anything that the caller sent. */
  detail?: string
  /** Public members added to a problem document (RFC 9457 §3.2). */
  extensions?: Readonly<Record<string, unknown>>
  retryAfterSeconds?: number
  cause?: unknown
}

/** The one error that the service throws on purpose. `code` is public and stable, `reason` is for the operator. */
export class ServiceError extends Error {
  readonly code: ServiceErrorCode
  readonly status: CatalogueEntry['status']
  readonly title: string
  readonly oauth: OAuthErrorCode
  readonly detail: string
  readonly reason: string | undefined
  readonly extensions: Readonly<Record<string, unknown>> | undefined
  readonly retryAfterSeconds: number | undefined

  constructor(code: ServiceErrorCode, options: ServiceErrorOptions = {}) {
    const entry: CatalogueEntry = errorCatalogue[code]
    super(options.reason ? `${code}: ${options.reason}` : code, { cause: options.cause })
    this.name = 'ServiceError'
    this.code = code
    this.status = entry.status
    this.title = entry.title
    this.oauth = entry.oauth
    this.detail = options.detail ?? entry.detail
    this.reason = options.reason
    this.extensions = options.extensions
    this.retryAfterSeconds = options.retryAfterSeconds ?? entry.retryAfterSeconds
  }
}
