import type { Context, Hono } from 'hono'
import type { AppEnv } from './context.ts'
import { notFound } from './error-response.ts'

/**
 * `/metrics`, for a scraper on the same machine. All others get 404, as for an unknown path. A request through a local
 * proxy is not local. With METRICS_PORT the metrics are on that port, and this path answers 404.
 */
export function metricsRoutes(app: Hono<AppEnv>): void {
  app.get('/metrics', async (c) => {
    const { metrics } = c.var.services
    if (!metrics.render || !isLocal(c)) return notFound(c)
    const { contentType, text } = await metrics.render()
    return c.body(text, 200, { 'Content-Type': contentType, 'Cache-Control': 'no-store' })
  })
}

const forwardingHeaders = ['forwarded', 'x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto', 'x-real-ip', 'via']

function isLocal(c: Context<AppEnv>): boolean {
  const peer = c.var.services.platform.peerAddress(c.req.raw, c.env) ?? ''
  const loopback = /^(::ffff:)?127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(peer) || peer === '::1'
  return loopback && forwardingHeaders.every((name) => c.req.header(name) === undefined)
}
