import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import { kekStatus, rewrapEnvelopes } from '../../keks/operations.ts'
import type { AppEnv } from '../context.ts'
import { jsonAnswer, refusals } from './schemas.ts'

const kek = z
  .object({
    id: z.string().nullable().openapi({ description: 'Null for envelopes whose text is damaged' }),
    use: z.enum(['seals', 'opens', 'missing']),
    envelopes: z.int(),
    liveEnvelopes: z.int().openapi({ description: 'Of keys that are neither retired nor revoked' }),
  })
  .openapi('Kek')

const rewrap = z
  .object({
    kek: z.string(),
    envelopes: z.int(),
    moved: z.int(),
    left: z.array(z.string()).openapi({ description: 'Retired and revoked keys whose envelopes do not open' }),
  })
  .openapi('KekRewrap')

const listKeksRoute = createRoute({
  method: 'get',
  path: '/keks',
  operationId: 'kekStatus',
  summary: 'Which KEKs are configured, and how many envelopes each sealed; all of them are on one page',
  responses: { 200: jsonAnswer('The KEKs', z.object({ items: z.array(kek), nextCursor: z.null() })), ...refusals },
})

const rewrapRoute = createRoute({
  method: 'post',
  path: '/keks/rewrap',
  operationId: 'rewrapEnvelopes',
  summary: 'Move every envelope to the KEK that seals',
  responses: { 200: jsonAnswer('What was moved', rewrap), ...refusals },
})

export function kekRoutes(app: OpenAPIHono<AppEnv>): void {
  app.openapi(listKeksRoute, async (c) => {
    return c.json({ items: await kekStatus(c.var.services, c.var.principal), nextCursor: null }, 200)
  })

  app.openapi(rewrapRoute, async (c) => {
    const { left, ...moved } = await rewrapEnvelopes(c.var.services, c.var.principal)
    return c.json({ ...moved, left: [...left] }, 200)
  })
}
