import { z } from '@hono/zod-openapi'
import type { MiddlewareHandler } from 'hono'
import { authorize } from '../../access/authorize.ts'
import type { Permission } from '../../access/permissions.ts'
import type { ServiceErrorCode } from '../../error-catalogue.ts'
import { ServiceError } from '../../errors.ts'
import type { AppEnv } from '../context.ts'
import { problemBody } from '../error-response.ts'
import { refuseBody } from './json-body.ts'
import { idParam } from './schemas.ts'

type Method = 'GET' | 'POST' | 'PATCH' | 'DELETE'
type Answer = { readonly description: string; readonly content?: Readonly<Record<string, { schema: z.ZodType }>> }

type RouteParts = {
  /**
   * A caller without it is refused before the request is validated, so that the answer shows nothing of the route. The
   * operation itself authorizes too. `any caller`: what every key may do with itself.
   */
  readonly permission: Permission | 'any caller'
  readonly summary: string
  /** Path parameters. Default: `id`, if the path has `{id}`. */
  readonly params?: z.ZodObject
  /** Default: none. A parameter that the route does not take is refused: it may be a misplaced `dryRun`. */
  readonly query?: z.ZodObject
  /** Default: none, and a body is refused. */
  readonly body?: z.ZodType
  /** A body that may be left out. Read it with `bodyOrDefaults`. */
  readonly optionalBody?: z.ZodType
  /** Describes `If-Match` and 412. The gate for changes compares the header on every route. */
  readonly ifMatch?: true
  /** The successful answers, by status. */
  readonly answers: Readonly<Record<number, Answer>>
}

type JsonBody<Schema> = { content: { 'application/json': { schema: Schema } } }

type RequestOf<Path extends string, Parts extends RouteParts> = (Parts extends {
  params: infer Params extends z.ZodType
}
  ? { params: Params }
  : Path extends `${string}{id}${string}`
    ? { params: typeof idParam }
    : object) &
  (Parts extends { query: infer Query extends z.ZodType } ? { query: Query } : object) &
  (Parts extends { body: infer Body extends z.ZodType } ? { body: JsonBody<Body> } : object) &
  (Parts extends { optionalBody: infer Body extends z.ZodType } ? { body: JsonBody<Body> } : object)

type AdminRoute<Path extends string, Parts extends RouteParts> = {
  method: 'get' | 'post' | 'patch' | 'delete'
  path: Path
  request: RequestOf<Path, Parts>
  responses: Parts['answers']
}

/**
 * Describes a route of the admin API, for the validator and for the API document. Adds what all routes share: the
 * problem answers, and `id` as the parameter of a path with `{id}`. The types of `c.req.valid` follow from the parts.
 *
 * @example
 * ```ts
 * const updatePlanRoute = adminRoute('PATCH /plans/{name}', 'updatePlan', {
 *   permission: 'plans.change',
 *   summary: 'Change the limits of a custom plan',
 *   params: nameParam,
 *   ifMatch: true,
 *   body: planUpdate,
 *   answers: { 200: jsonAnswer('The plan', plan) },
 * })
 * ```
 */
export function adminRoute<Path extends string, Parts extends RouteParts>(
  route: `${Method} ${Path}`,
  operationId: string,
  parts: Parts,
): AdminRoute<Path, Parts> {
  const [method = '', path = ''] = route.split(' ')
  const { permission, summary, query, body, optionalBody, answers } = parts
  const params = parts.params ?? (path.includes('{id}') ? idParam : undefined)
  const json = body ?? optionalBody
  const described = {
    method: method.toLowerCase(),
    path,
    operationId,
    summary,
    ...(permission !== 'any caller' && { description: `Permission: \`${permission}\`` }),
    middleware: [
      ...(permission === 'any caller' ? [] : [requirePermission(permission)]),
      ...(json ? [] : [refuseBody]),
    ],
    request: {
      ...(params && { params }),
      query: query ?? noQuery,
      ...(parts.ifMatch && { headers: ifMatch }),
      ...(json && { body: { required: body !== undefined, content: { 'application/json': { schema: json } } } }),
    },
    responses: { ...answers, ...refusals, ...(parts.ifMatch && outdated) },
  }
  return described as unknown as AdminRoute<Path, Parts>
}

const noQuery = z.strictObject({})

function requirePermission(permission: Permission): MiddlewareHandler<AppEnv> {
  return function checkPermission(c, next) {
    authorize(c.var.principal, permission)
    return next()
  }
}

/** The body, or the schema's defaults: a request without a body is not validated, and `c.req.valid` gives `{}`. */
export function bodyOrDefaults<Schema extends z.ZodType<object>>(
  schema: Schema,
  body: z.output<Schema>,
): z.output<Schema> {
  return Object.keys(body).length === 0 ? schema.parse({}) : body
}

export function jsonAnswer<Schema extends z.ZodType>(description: string, schema: Schema) {
  return { description, content: { 'application/json': { schema } } } as const
}

/** One page of a list that has cursors. */
export function pageAnswer<Item extends z.ZodType>(item: Item, description = 'One page') {
  return jsonAnswer(description, z.object({ items: z.array(item), nextCursor: z.string().nullable() }))
}

/** A list that always fits on one page. The handler answers with `onePage`. */
export function onePageAnswer<Item extends z.ZodType>(description: string, item: Item) {
  return jsonAnswer(description, z.object({ items: z.array(item), nextCursor: z.null() }))
}

export function onePage<Item>(items: Item[]) {
  return { items, nextCursor: null }
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
  return { description, content: { 'application/problem+json': { schema: problem, example } } }
}

/** The problems that every route may answer (RFC 9457). */
const refusals = {
  400: refusal('The request is malformed', 'invalid_request'),
  401: refusal('The credential is missing or was rejected', 'unauthenticated'),
  403: refusal('The caller does not have permission to do this', 'permission_denied'),
  404: refusal('Not found, or the caller does not have access', 'not_found'),
  409: refusal('The current state of the resource does not allow this', 'conflict'),
  503: refusal('The database is not responding. Try again', 'database_unavailable'),
}

const ifMatch = z.object({
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

const outdated = {
  412: refusal('The resource was changed after the ETag in If-Match', 'precondition_failed'),
}
