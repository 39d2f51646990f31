import type { Context, Hono } from 'hono'
import { checkReadiness } from '../readiness.ts'
import type { AppEnv } from './context.ts'

/** `/healthz`: the process answers. `/readyz`: each dependency with its state and reason, 503 when one of them is not ready. */
export function healthRoutes(app: Hono<AppEnv>): void {
  app.get('/healthz', (c) => uncached(c, 200, { status: 'ok' }))
  app.get('/readyz', async (c) => {
    const readiness = await checkReadiness(c.var.services)
    return uncached(c, readiness.status === 'ready' ? 200 : 503, readiness)
  })
}

function uncached(c: Context<AppEnv>, status: 200 | 503, body: object): Response {
  return c.json(body, status, { 'Cache-Control': 'no-store', ...(status === 503 ? { 'Retry-After': '1' } : {}) })
}
