import { createRoute, z } from '@hono/zod-openapi'
import type { ServiceErrorCode } from '../error-catalogue.ts'
import { ServiceError } from '../errors.ts'
import { oauthErrorBody } from './error-response.ts'

// Describes the OAuth endpoints in the API document. Does not check requests: the rules in oauth/ read the forms.

export function formBody<Schema extends z.ZodType>(schema: Schema, required: boolean) {
  return { required, content: { 'application/x-www-form-urlencoded': { schema } } } as const
}

/** Client credentials in the form, instead of a header (RFC 6749 §2.3.1). */
export const clientMembers = {
  client_id: z
    .string()
    .optional()
    .openapi({ description: 'Id of the API key. With client_secret, instead of a header' }),
  client_secret: z.string().optional().openapi({ description: 'The API key', format: 'password' }),
}

const oauthError = z
  .object({
    error: z.enum([
      'invalid_request',
      'invalid_client',
      'unauthorized_client',
      'unsupported_grant_type',
      'invalid_scope',
      'invalid_target',
      'temporarily_unavailable',
      'server_error',
    ]),
    error_description: z.string(),
  })
  .openapi('OAuthError')

function refusal(description: string, code: ServiceErrorCode) {
  const example = oauthErrorBody(new ServiceError(code))
  return { description, content: { 'application/json': { schema: oauthError, example } } } as const
}

/** RFC 6749 §5.2. */
export const oauthRefusals = {
  400: refusal('The request is malformed, or asks for more than the API key allows', 'invalid_scope'),
  401: refusal('The credential is missing or was rejected', 'api_key_rejected'),
  503: refusal('Temporarily unavailable. Retry after the time in Retry-After', 'database_unavailable'),
} as const

export const unauthorizedClient = refusal('Always: no client may use this endpoint', 'unauthorized_client')

/** The ways to send an API key to these endpoints. The empty one means the form. */
export const clientSecurity = [{ client: [] }, { bearer: [] }, { apiKey: [] }, {}]

/** A document that is public and may be cached. */
export function describedDocument(document: {
  path: string
  operationId: string
  summary: string
  contentType: string
  schema: z.ZodType
  query?: z.ZodObject
}) {
  const { path, operationId, summary, contentType, schema, query } = document
  return createRoute({
    method: 'get',
    path,
    operationId,
    summary,
    security: [],
    ...(query ? { request: { query } } : {}),
    responses: {
      200: { description: 'The document, with ETag and max-age', content: { [contentType]: { schema } } },
      304: { description: 'Not changed since the ETag in If-None-Match' },
    },
  })
}
