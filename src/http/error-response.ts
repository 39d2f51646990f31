import type { Context } from 'hono'
import { databaseFailure } from '../db/failure.ts'
import type { ServiceErrorCode } from '../error-catalogue.ts'
import { ServiceError } from '../errors.ts'
import { RevocationListUnavailable } from '../kit/revocation/revocation-list.ts'
import type { AppEnv } from './context.ts'

/** On these paths errors are RFC 6749 §5.2 JSON. On all others they are RFC 9457 problems. */
const oauthPaths: ReadonlySet<string> = new Set(['/token', '/introspect', '/revoke', '/authorize'])

/**
 * Renders any thrown value as a response. The private `reason` goes only to the log and to the exchange counter. An
 * unexpected error is logged and becomes `internal`: the response contains nothing of it.
 */
export function errorResponse(c: Context<AppEnv>, error: unknown): Response {
  const failure = asServiceError(error)
  report(c, failure)
  return oauthPaths.has(c.req.path) ? oauthError(c, failure) : problem(c, failure)
}

export function notFound(c: Context<AppEnv>): Response {
  return errorResponse(c, new ServiceError('not_found', { detail: 'Nothing is served at this path. Check the URL.' }))
}

/** The response to a method that the path does not support (RFC 9110 §15.5.6). */
export function methodNotAllowed(c: Context<AppEnv>, allow: string): Response {
  const failure = new ServiceError('method_not_allowed', {
    detail: `This path does not support the method. Use ${allow}.`,
  })
  const response = errorResponse(c, failure)
  response.headers.set('Allow', allow)
  return response
}

function asServiceError(error: unknown): ServiceError {
  if (error instanceof ServiceError) return error
  const failure = databaseFailure(error)
  if (failure) return failure
  if (error instanceof RevocationListUnavailable) {
    return new ServiceError('revocations_unavailable', {
      reason: error.message,
      retryAfterSeconds: error.retryAfterSeconds,
      cause: error,
    })
  }
  return new ServiceError(codeOfHono(error), { ...emptyBody(error), cause: error })
}

/** Hono throws exceptions with a status, for example for a content type that it cannot read. */
function codeOfHono(error: unknown): ServiceErrorCode {
  if (!(error instanceof Error && 'getResponse' in error && 'status' in error)) return 'internal'
  const status = Number(error.status)
  if (status === 415) return 'unsupported_media_type'
  if (status === 413) return 'payload_too_large'
  return status >= 400 && status < 500 ? 'invalid_request' : 'internal'
}

/** Other JSON that cannot be read was refused before (admin/json-body.ts). */
function emptyBody(error: unknown): { detail?: string } {
  if (!(error instanceof Error && error.message.startsWith('Malformed JSON'))) return {}
  return { detail: 'The body is empty, but Content-Type says JSON. Send {}, or leave Content-Type out.' }
}

function report(c: Context<AppEnv>, failure: ServiceError): void {
  const services: AppEnv['Variables']['services'] | undefined = c.get('services')
  if (!services) return
  if (c.req.path === '/token') services.metrics.exchange(exchangeResult(failure))
  const request = { requestId: c.get('requestId'), ...c.get('caller') }
  if (failure.code === 'internal') {
    services.log('error', 'request_failed', { ...request, error: failure.cause ?? failure })
  } else if (failure.status >= 500) {
    services.log('warn', 'request_failed', {
      ...request,
      code: failure.code,
      reason: failure.reason,
      error: failure.cause,
    })
  } else if (failure.reason !== undefined) {
    services.log('info', 'request_refused', { ...request, code: failure.code, reason: failure.reason })
  }
}

/** Only refused credentials have reasons from a closed set. Other failures are counted by their code. */
function exchangeResult(failure: ServiceError): string {
  const credentialRefused = failure.code === 'api_key_rejected' || failure.code === 'subject_token_rejected'
  return credentialRefused && failure.reason !== undefined ? failure.reason : failure.code
}

/** RFC 6749 §5.2. */
export function oauthErrorBody({ oauth, detail }: ServiceError) {
  return { error: oauth, error_description: quotable(detail) }
}

/** RFC 9457 §3. JSON leaves out members that are undefined. */
export function problemBody({ extensions, code, title, status, detail }: ServiceError, requestId: string | undefined) {
  const instance = requestId === undefined ? undefined : `urn:mintage:request:${encodeURIComponent(requestId)}`
  return { ...extensions, type: `urn:mintage:problem:${code}`, title, status, detail, instance, code }
}

/** Also for 5xx. */
function oauthError(c: Context<AppEnv>, failure: ServiceError): Response {
  return new Response(JSON.stringify(oauthErrorBody(failure)), {
    status: failure.status,
    headers: { 'Content-Type': 'application/json', Pragma: 'no-cache', ...commonHeaders(c, failure) },
  })
}

function problem(c: Context<AppEnv>, failure: ServiceError): Response {
  return new Response(JSON.stringify(problemBody(failure, c.get('requestId'))), {
    status: failure.status,
    headers: { 'Content-Type': 'application/problem+json', ...commonHeaders(c, failure) },
  })
}

function commonHeaders(c: Context<AppEnv>, failure: ServiceError): Record<string, string> {
  const headers: Record<string, string> = { 'Cache-Control': 'no-store' }
  const requestId: string | undefined = c.get('requestId')
  if (requestId !== undefined) headers['X-Request-Id'] = requestId
  if (failure.retryAfterSeconds !== undefined)
    headers['Retry-After'] = String(Math.max(1, Math.ceil(failure.retryAfterSeconds)))
  if (failure.status === 401) headers['WWW-Authenticate'] = challenge(c, failure)
  return headers
}

/**
 * On the OAuth paths: Bearer if the caller used it, otherwise Basic (RFC 6749 §5.2, RFC 9110 §11.6.1). On other paths:
 * Bearer, without an error code if no credential was sent (RFC 6750 §3.1).
 */
function challenge(c: Context<AppEnv>, failure: ServiceError): string {
  if (!oauthPaths.has(c.req.path)) {
    return failure.code === 'unauthenticated'
      ? 'Bearer realm="mintage"'
      : 'Bearer realm="mintage", error="invalid_token"'
  }
  const usedBearer = /^bearer(?: |$)/i.test(c.req.header('authorization') ?? '')
  return usedBearer ? 'Bearer realm="mintage"' : 'Basic realm="mintage", charset="UTF-8"'
}

/** RFC 6749 §5.2 allows only printable ASCII in a description, without quotes and backslashes. */
function quotable(text: string): string {
  return text.replace(/[^\x20\x21\x23-\x5b\x5d-\x7e]/g, "'")
}
