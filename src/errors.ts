import { type CatalogueEntry, errorCatalogue, type OAuthErrorCode, type ServiceErrorCode } from './error-catalogue.ts'

type ServiceErrorOptions = {
  /** Private: for the log and the counters, never for the caller. */
  reason?: string
  /** Public text that replaces the catalogue's. Must not contain anything that the caller sent. */
  detail?: string
  /** Public members added to a problem document (RFC 9457 §3.2). */
  extensions?: Readonly<Record<string, unknown>>
  retryAfterSeconds?: number
  cause?: unknown
}

/** The thing that a refused operation was about. Null = the service itself. */
export type RefusedThing = { readonly organizationId: string | null; readonly subject: string | null }

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
  /** Private: under what the audit trail files the refusal. access/about.ts sets it. */
  about: RefusedThing | undefined

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

/**
 * A request that the caller has to correct. `detail` says what is wrong, then what to do. It must not contain anything
 * that the caller sent.
 */
export function invalidRequest(detail: string): ServiceError {
  return new ServiceError('invalid_request', { detail })
}

/**
 * A member of the request names a thing that does not exist or that is out of reach: the error is the same for both.
 * `member` is written as in the request, such as `filter.organizationId`.
 */
export function namedThingNotFound(member: string): ServiceError {
  return new ServiceError('not_found', { detail: `${member}: not found, or you do not have access. Correct it.` })
}
