import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import { createRevocation, liftRevocation, listRevocations } from '../../revocations/operations.ts'
import type { AppEnv } from '../context.ts'
import { because } from './revocation-reason.ts'
import {
  idParam,
  instant,
  instantInput,
  jsonAnswer,
  jsonBody,
  pageQuery,
  pageSchema,
  refusals,
  text,
} from './schemas.ts'

const kind = z.enum(['token', 'api_key', 'subject', 'organization', 'signing_key', 'all'])

const revocation = z
  .object({
    id: z.string().openapi({ example: 'rev_0192f0c4a1b27c3d8e4f5a6b7c8d9e0f' }),
    kind,
    value: z.string(),
    maxVersion: z.int().nullable(),
    issuedBefore: instant.nullable(),
    effectiveAt: instant,
    expiresAt: instant.nullable(),
    liftedAt: instant.nullable(),
    organizationId: z.string().nullable(),
    reason: z.string(),
    text: z.string().nullable(),
    actor: z.string(),
    createdAt: instant,
  })
  .openapi('Revocation')

const newRevocation = z
  .strictObject({
    kind,
    value: text(400).openapi({
      description: 'jti, client id, organization id and subject joined by one space, organization id, kid, or *',
    }),
    maxVersion: z.int().min(1).max(1_000_000).optional(),
    issuedBefore: instantInput.nullable().optional(),
    effectiveAt: instantInput.optional(),
    ...because,
  })
  .openapi('NewRevocation')

const createRevocationRoute = createRoute({
  method: 'post',
  path: '/revocations',
  operationId: 'createRevocation',
  summary: 'Revoke all tokens that a rule matches',
  request: { body: jsonBody(newRevocation) },
  responses: { 201: jsonAnswer('Created', revocation), ...refusals },
})

const listRevocationsRoute = createRoute({
  method: 'get',
  path: '/revocations',
  operationId: 'listRevocations',
  summary: 'List revocation rules, newest first',
  request: { query: pageQuery },
  responses: { 200: jsonAnswer('One page', pageSchema(revocation)), ...refusals },
})

const liftRevocationRoute = createRoute({
  method: 'post',
  path: '/revocations/{id}/lift',
  operationId: 'liftRevocation',
  summary: 'Remove a rule from the revocation list',
  request: { params: idParam },
  responses: { 204: { description: 'Lifted, or already lifted' }, ...refusals },
})

export function revocationRoutes(app: OpenAPIHono<AppEnv>): void {
  app.openapi(createRevocationRoute, async (c) => {
    return c.json(await createRevocation(c.var.services, c.var.principal, c.req.valid('json')), 201)
  })

  app.openapi(listRevocationsRoute, async (c) => {
    return c.json(await listRevocations(c.var.services, c.var.principal, c.req.valid('query')), 200)
  })

  app.openapi(liftRevocationRoute, async (c) => {
    await liftRevocation(c.var.services, c.var.principal, c.req.valid('param').id)
    return c.body(null, 204)
  })
}
