import { z } from '@hono/zod-openapi'
import type { Hono } from 'hono'
import { feedType } from '../kit/revocation/feed-document.ts'
import type { AppEnv } from './context.ts'
import { describedDocument } from './oauth-schemas.ts'
import { publicDocumentRoute } from './public-document.ts'

/** `GET /revocations`: the signed public feed. With `?cursor=`, only the changes since then. */
export function revocationsRoutes(app: Hono<AppEnv>): void {
  publicDocumentRoute(app, '/revocations', async (c) => {
    const document = await c.get('services').feed.document(c.req.query('cursor'))
    return { ...document, contentType: 'application/jwt' }
  })
}

/** For the API document. */
export const revocationFeedRoute = describedDocument({
  path: '/revocations',
  operationId: 'readRevocationFeed',
  summary: 'Read the signed revocation feed: all of it, or the changes since a cursor',
  contentType: 'application/jwt',
  schema: z.string().openapi({ description: `Compact JWS, typ ${feedType}` }),
  query: z.object({
    cursor: z
      .string()
      .optional()
      .openapi({
        param: { name: 'cursor', in: 'query' },
        description: '`<generation>.<sequence>` of the document that the caller already has',
      }),
  }),
})
