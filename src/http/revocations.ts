import type { Hono } from 'hono'
import type { AppEnv } from './context.ts'
import { publicDocumentRoute } from './public-document.ts'

/** `GET /revocations`: the signed public feed, whole, or what changed since `?cursor=`. */
export function revocationsRoutes(app: Hono<AppEnv>): void {
  publicDocumentRoute(app, '/revocations', async (c) => {
    const document = await c.get('services').feed.document(c.req.query('cursor'))
    return { ...document, contentType: 'application/jwt' }
  })
}
