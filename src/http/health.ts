import { createRoute, z } from '@hono/zod-openapi'
import type { Context, Hono } from 'hono'
import { checkReadiness } from '../readiness.ts'
import type { AppEnv } from './context.ts'

/** `/healthz`: the process responds. `/readyz`: the state of each dependency, and 503 if one of them failed. */
export function healthRoutes(app: Hono<AppEnv>): void {
  app.get('/healthz', (c) => uncached(c, 200, { status: 'ok' }))
  app.get('/readyz', async (c) => {
    const readiness = await checkReadiness(c.var.services)
    return uncached(c, readiness.status === 'not_ready' ? 503 : 200, readiness)
  })
}

function uncached(c: Context<AppEnv>, status: 200 | 503, body: object): Response {
  return c.json(body, status, { 'Cache-Control': 'no-store', ...(status === 503 ? { 'Retry-After': '1' } : {}) })
}

const check = z.object({ state: z.enum(['ok', 'degraded', 'failed']), reason: z.string().optional() })
const readiness = z
  .object({ status: z.enum(['ready', 'degraded', 'not_ready']), checks: z.record(z.string(), check) })
  .openapi('Readiness')
const answer = (description: string, schema: z.ZodType) => ({
  description,
  content: { 'application/json': { schema } },
})

/** For the API document. */
export const healthDocuments = [
  createRoute({
    method: 'get',
    path: '/healthz',
    operationId: 'showLiveness',
    summary: 'Check whether the process responds',
    security: [],
    responses: { 200: answer('The process responds', z.object({ status: z.literal('ok') })) },
  }),
  createRoute({
    method: 'get',
    path: '/readyz',
    operationId: 'showReadiness',
    summary: 'Check whether this instance can serve requests, with the state of each dependency',
    security: [],
    responses: {
      200: answer('Ready, or degraded: some changes fail, and the instance should stay in rotation', readiness),
      503: answer('Not ready, with reasons', readiness),
    },
  }),
]
