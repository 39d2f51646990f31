import { type OpenAPIHono, z } from '@hono/zod-openapi'
import {
  createRevocation,
  liftRevocation,
  listRevocations,
  tryCreatingRevocation,
} from '../../revocations/operations.ts'
import type { AppEnv } from '../context.ts'
import { dryRun, impact } from './impact.ts'
import { because } from './revocation-reason.ts'
import { adminRoute, jsonAnswer, pageAnswer } from './route.ts'
import { instant, instantInput, pageQuery, storedText } from './schemas.ts'

const kind = z.enum(['token', 'api_key', 'subject', 'organization', 'signing_key', 'all'])

const revocation = z
  .object({
    id: z.string().openapi({ example: 'rev_0192f0c4a1b27c3d8e4f5a6b7c8d9e0f' }),
    kind,
    value: z.string(),
    minVersion: z.int().nullable().openapi({ description: 'Null: from the first version on' }),
    maxVersion: z.int().nullable().openapi({ description: 'Null: no last version' }),
    issuedBefore: instant.nullable(),
    effectiveAt: instant.nullable(),
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
    value: storedText(400).openapi({
      description: 'jti, client id, organization id and subject joined by one space, organization id, kid, or *',
    }),
    minVersion: z.int().min(1).max(1_000_000).optional().openapi({ description: 'api_key: versions from this one on' }),
    maxVersion: z.int().min(1).max(1_000_000).optional().openapi({ description: 'api_key: versions up to this one' }),
    issuedBefore: instantInput.nullable().optional(),
    effectiveAt: instantInput.optional(),
    ...because,
    dryRun,
  })
  .openapi('NewRevocation')

const createRevocationRoute = adminRoute('POST /revocations', 'createRevocation', {
  permission: 'revocations.create',
  summary: 'Revoke all tokens that a rule matches',
  body: newRevocation,
  answers: { 200: jsonAnswer('Dry run only: what would break', impact), 201: jsonAnswer('Created', revocation) },
})

const listRevocationsRoute = adminRoute('GET /revocations', 'listRevocations', {
  permission: 'revocations.read',
  summary: 'List revocation rules, newest first',
  query: pageQuery,
  answers: { 200: pageAnswer(revocation) },
})

const liftRevocationRoute = adminRoute('POST /revocations/{id}/lift', 'liftRevocation', {
  permission: 'revocations.lift',
  summary: 'Remove a rule from the revocation list',
  answers: { 204: { description: 'Lifted, or already lifted' } },
})

export function revocationRoutes(app: OpenAPIHono<AppEnv>): void {
  app.openapi(createRevocationRoute, async (c) => {
    const { dryRun: tries, ...asked } = c.req.valid('json')
    if (tries) return c.json(await tryCreatingRevocation(c.var.services, c.var.principal, asked), 200)
    return c.json(await createRevocation(c.var.services, c.var.principal, asked), 201)
  })

  app.openapi(listRevocationsRoute, async (c) => {
    return c.json(await listRevocations(c.var.services, c.var.principal, c.req.valid('query')), 200)
  })

  app.openapi(liftRevocationRoute, async (c) => {
    await liftRevocation(c.var.services, c.var.principal, c.req.valid('param').id)
    return c.body(null, 204)
  })
}
