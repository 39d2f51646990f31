import { createRoute, z } from '@hono/zod-openapi'
import type { Hono } from 'hono'
import { revokeToken } from '../token/revoke.ts'
import { readClientForm, requiredToken } from './client-authentication.ts'
import { type AppEnv, requestOrigin } from './context.ts'
import { methodNotAllowed } from './error-response.ts'
import { clientMembers, clientSecurity, formBody, oauthRefusals } from './oauth-schemas.ts'

/**
 * `POST /revoke`: RFC 7009. Answers 200 after the commit, and if there was nothing to revoke.
 * The body is an empty JSON object: some clients cannot read an answer without a type.
 */
export function revokeRoutes(app: Hono<AppEnv>): void {
  app.post('/revoke', async (c) => {
    const { client, form } = await readClientForm(c)
    await revokeToken(c.get('services'), client, requestOrigin(c), requiredToken(form))
    return c.json({}, 200, { 'Cache-Control': 'no-store', Pragma: 'no-cache' })
  })
  app.all('/revoke', (c) => methodNotAllowed(c, 'POST'))
}

/** For the API document. */
export const revokeRoute = createRoute({
  method: 'post',
  path: '/revoke',
  operationId: 'revokeToken',
  summary: 'Revoke your own API key or one of its access tokens (RFC 7009)',
  security: clientSecurity,
  request: {
    body: formBody(z.object({ token: z.string(), token_type_hint: z.string().optional(), ...clientMembers }), true),
  },
  responses: {
    200: {
      description: 'Revoked, already revoked, or unknown',
      content: { 'application/json': { schema: z.strictObject({}) } },
    },
    ...oauthRefusals,
  },
})
