import { createRoute } from '@hono/zod-openapi'
import type { Hono } from 'hono'
import { ServiceError } from '../errors.ts'
import type { AppEnv } from './context.ts'
import { methodNotAllowed } from './error-response.ts'
import { unauthorizedClient } from './oauth-schemas.ts'

/**
 * `/authorize` is in the metadata for clients that require it, and refuses every request. It never redirects, because
 * no redirect URI is registered here (RFC 6749 §4.1.2.1), and reads nothing of the request.
 */
export function authorizeRoutes(app: Hono<AppEnv>): void {
  app.on(['GET', 'POST'], '/authorize', () => {
    throw new ServiceError('unauthorized_client')
  })
  app.all('/authorize', (c) => methodNotAllowed(c, 'GET, HEAD, POST'))
}

/** For the API document. */
export const authorizeDocuments = (['get', 'post'] as const).map((method) =>
  createRoute({
    method,
    path: '/authorize',
    operationId: `${method}Authorization`,
    summary: 'Refuse every authorization request: this service has no sign-in page',
    security: [],
    responses: { 400: unauthorizedClient },
  }),
)
