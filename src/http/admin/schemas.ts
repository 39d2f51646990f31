import { z } from '@hono/zod-openapi'
import type { ServiceErrorCode } from '../../error-catalogue.ts'
import { ServiceError } from '../../errors.ts'
import { problemBody } from '../error-response.ts'

// What the schemas of the admin API have in common. Their messages reach the caller: they never repeat what was sent.

/** Text for people: bounded, well-formed Unicode, no control characters (PostgreSQL takes no NUL, terminals obey the others). */
export function text(longest: number, shortest = 1) {
  return z
    .string()
    .min(shortest)
    .max(longest)
    .refine(
      (value) => value.isWellFormed() && !/\p{Cc}/u.test(value),
      'must not contain control characters or unpaired surrogates',
    )
}

/** One word of visible ASCII: a scope, an audience, an id. */
export function word(longest: number) {
  return z
    .string()
    .max(longest)
    .regex(/^[\x21-\x7e]+$/, 'must be visible ASCII characters without spaces')
}

/** Built-in roles, or custom ones of the organization; whether there are such roles is checked where they are granted. */
export const roleNames = z
  .array(word(50))
  .max(20)
  .openapi({ example: ['developer'] })

/** An instant as it comes in: RFC 3339, with its offset; in the years 1 to 9999: four digits, and PostgreSQL knows no year 0. */
export const instantInput = z.iso
  .datetime({ offset: true })
  .max(40)
  .openapi({ format: 'date-time', example: '2027-01-01T00:00:00Z' })
  .transform((value) => new Date(value))
  .refine((value) => value.getUTCFullYear() >= 1 && value.getUTCFullYear() <= 9999, 'must be in the years 1 to 9999')

/** An instant as it goes out. */
export const instant = z.string().openapi({ format: 'date-time', example: '2026-11-02T08:30:00.000Z' })

/** Ids come out of earlier answers; one that is not of our making is simply not there. */
export const idParam = z.object({ id: word(128).openapi({ param: { name: 'id', in: 'path' } }) })

/** Unknown parameters are refused: a filter with a typing error must not look like one that matched everything. */
export const pageQuery = z.strictObject({
  limit: z
    .string()
    .regex(/^\d{1,4}$/, 'must be a whole number')
    .transform(Number)
    .pipe(z.number().min(1).max(200))
    .default(50)
    .openapi({ param: { name: 'limit', in: 'query' }, type: 'integer', minimum: 1, maximum: 200, default: 50 }),
  cursor: word(128)
    .optional()
    .openapi({ param: { name: 'cursor', in: 'query' }, description: 'nextCursor of the previous page' }),
})

export function pageSchema<Item extends z.ZodType>(item: Item) {
  return z.object({ items: z.array(item), nextCursor: z.string().nullable() })
}

const problem = z
  .looseObject({
    type: z
      .string()
      .openapi({ description: 'urn:mintage:problem: followed by the code. docs/errors.md describes each' }),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    instance: z.string().optional().openapi({ description: 'Identifies the request, as X-Request-Id does' }),
    code: z.string().openapi({ description: 'Stable' }),
    errors: z
      .array(z.object({ path: z.string(), message: z.string() }))
      .optional()
      .openapi({ description: 'Which members of the request are wrong, and why' }),
  })
  .openapi('Problem')

function refusal(description: string, code: ServiceErrorCode) {
  const example = problemBody(new ServiceError(code), 'req_0')
  return { description, content: { 'application/problem+json': { schema: problem, example } } } as const
}

/** What any route of the admin API may answer instead (RFC 9457). */
export const refusals = {
  400: refusal('The request is malformed', 'invalid_request'),
  401: refusal('The credential is missing or was rejected', 'unauthenticated'),
  403: refusal('The caller does not have permission to do this', 'permission_denied'),
  404: refusal('Not found, or the caller does not have access', 'not_found'),
  409: refusal('The current state of the resource does not allow this', 'conflict'),
  503: refusal('The database is not responding. Try again', 'database_unavailable'),
} as const

/** `If-Match` of a change: the ETag that the caller saw last. Read by `expectedRevision` of http/etag.ts. */
export const ifMatch = z.object({
  'if-match': z
    .string()
    .max(64)
    .optional()
    .openapi({
      param: { name: 'if-match', in: 'header' },
      description: 'ETag of the response that the change is based on',
      example: '"3"',
    }),
})

/** Beside `refusals`, of a route that takes `If-Match`. */
export const outdated = {
  412: refusal('The resource was changed after the ETag in If-Match', 'precondition_failed'),
} as const

export function jsonBody<Schema extends z.ZodType>(schema: Schema) {
  return { required: true, content: { 'application/json': { schema } } } as const
}

export function jsonAnswer<Schema extends z.ZodType>(description: string, schema: Schema) {
  return { description, content: { 'application/json': { schema } } } as const
}
