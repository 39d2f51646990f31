import { type OpenAPIHono, z } from '@hono/zod-openapi'
import { createAuditCheckpoint } from '../../audit/checkpoints.ts'
import { auditEventTypes } from '../../audit/events.ts'
import { exportAuditTrail } from '../../audit/export.ts'
import { listAuditEvents } from '../../audit/operations.ts'
import type { AppEnv } from '../context.ts'
import { adminRoute, jsonAnswer, pageAnswer } from './route.ts'
import { instant, instantInput, pageQuery, word } from './schemas.ts'
import { streamText } from './text-stream.ts'

const auditEvent = z
  .object({
    sequence: z.int().openapi({ description: 'Position in the chain, from 1' }),
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
    sessionId: z.string().nullable(),
    durationMilliseconds: z.int().nullable().openapi({ description: 'From the arrival of the request to the event' }),
    context: z.record(z.string(), z.unknown()),
  })
  .openapi('AuditEvent')

const auditCheckpoint = z
  .object({
    sequence: z.int().openapi({ description: 'The last event that the checkpoint covers' }),
    hash: z.string(),
    count: z.int().openapi({ description: 'Number of events up to and including that one' }),
    createdAt: instant,
    kid: z.string().openapi({ description: 'The record key that signed it' }),
    signed: z.string().openapi({
      description: 'Compact JWS, typ mintage-audit-checkpoint+jwt. Keep it where this service cannot write',
    }),
  })
  .openapi('AuditCheckpoint')

const query = (name: string, description: string) => ({ param: { name, in: 'query' as const }, description })

const filters = {
  type: z
    .enum(auditEventTypes)
    .optional()
    .openapi({ ...query('type', 'Event type'), example: 'api_key.revoked' }),
  actor: word(128).optional().openapi(query('actor', 'Client id, or system')),
  subject: word(400).optional().openapi(query('subject', 'Id of the resource that was acted on')),
  organizationId: word(128).optional().openapi(query('organizationId', 'The organization that the event is about')),
  result: z
    .enum(['success', 'refused'])
    .optional()
    .openapi(query('result', 'refused: attempts of authenticated callers that were denied')),
  from: instantInput.optional().openapi(query('from', 'Events at this time and later')),
  to: instantInput.optional().openapi(query('to', 'Events before this time')),
}

const listAuditEventsRoute = adminRoute('GET /audit-events', 'listAuditEvents', {
  permission: 'audit_events.read',
  summary: 'List audit events, newest first',
  query: pageQuery.extend(filters),
  answers: { 200: pageAnswer(auditEvent) },
})

const exportAuditEventsRoute = adminRoute('GET /audit-events/export', 'exportAuditEvents', {
  permission: 'audit_events.read',
  summary: 'Export the audit trail: as JSONL, which can be verified, or as CSV',
  query: z.strictObject({
    format: z
      .enum(['jsonl', 'csv'])
      .default('jsonl')
      .openapi(query('format', 'jsonl: the whole chain, with only the hashes of events that the filter excludes')),
    ...filters,
  }),
  answers: {
    200: {
      description: 'The trail, oldest first',
      content: { 'application/jsonl': { schema: z.string() }, 'text/csv': { schema: z.string() } },
    },
  },
})

const createAuditCheckpointRoute = adminRoute('POST /audit-checkpoints', 'createAuditCheckpoint', {
  permission: 'audit_checkpoints.create',
  summary: 'Sign a checkpoint of the audit trail',
  answers: { 201: jsonAnswer('The signed checkpoint', auditCheckpoint) },
})

export function auditEventRoutes(app: OpenAPIHono<AppEnv>): void {
  app.openapi(listAuditEventsRoute, async (c) => {
    return c.json(await listAuditEvents(c.var.services, c.var.principal, c.req.valid('query')), 200)
  })

  app.openapi(exportAuditEventsRoute, async (c) => {
    const { format, ...filter } = c.req.valid('query')
    const trail = await exportAuditTrail(c.var.services, c.var.principal, { format, filter })
    return await streamText(c, trail, {
      'Content-Type': format === 'csv' ? 'text/csv; charset=utf-8; header=present' : 'application/jsonl; charset=utf-8',
      'Content-Disposition': `attachment; filename="audit-events.${format}"`,
    })
  })

  app.openapi(createAuditCheckpointRoute, async (c) => {
    return c.json(await createAuditCheckpoint(c.var.services, c.var.principal), 201)
  })
}
