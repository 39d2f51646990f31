import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import { listAuditEvents } from '../../audit/operations.ts'
import type { AppEnv } from '../context.ts'
import { instant, jsonAnswer, pageQuery, pageSchema, refusals } from './schemas.ts'

const auditEvent = z
  .object({
    id: z.string(),
    occurredAt: instant,
    type: z.string().openapi({ example: 'api_key.revoked' }),
    result: z.enum(['success', 'refused']),
    actor: z.string().openapi({ description: 'Client id of the caller, or system' }),
    organizationId: z.string().nullable(),
    subject: z.string().nullable(),
    reason: z.string().nullable(),
    address: z.string().nullable(),
    agent: z.string().nullable(),
    requestId: z.string().nullable(),
    context: z.record(z.string(), z.unknown()),
  })
  .openapi('AuditEvent')

const listAuditEventsRoute = createRoute({
  method: 'get',
  path: '/audit-events',
  operationId: 'listAuditEvents',
  summary: 'List audit events, newest first',
  request: { query: pageQuery },
  responses: { 200: jsonAnswer('One page', pageSchema(auditEvent)), ...refusals },
})

export function auditEventRoutes(app: OpenAPIHono<AppEnv>): void {
  app.openapi(listAuditEventsRoute, async (c) => {
    return c.json(await listAuditEvents(c.var.services, c.var.principal, c.req.valid('query')), 200)
  })
}
