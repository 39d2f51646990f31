import { createRoute, z } from '@hono/zod-openapi'
import type { Hono } from 'hono'
import { introspectToken } from '../token/introspect.ts'
import { readClientForm, requiredToken } from './client-authentication.ts'
import type { AppEnv } from './context.ts'
import { methodNotAllowed } from './error-response.ts'
import { clientMembers, clientSecurity, formBody, oauthRefusals } from './oauth-schemas.ts'

/** `POST /introspect`: RFC 7662. Always JSON: signed answers (RFC 9701) are not offered. */
export function introspectRoutes(app: Hono<AppEnv>): void {
  app.post('/introspect', async (c) => {
    const { client, form } = await readClientForm(c)
    const introspection = await introspectToken(c.get('services'), client, requiredToken(form), c.get('receivedAt'))
    return c.json(introspection, 200, { 'Cache-Control': 'no-store', Pragma: 'no-cache' })
  })
  app.all('/introspect', (c) => methodNotAllowed(c, 'POST'))
}

const introspection = z
  .looseObject({
    active: z.boolean(),
    token_type: z.literal('Bearer').optional(),
    iss: z.string().optional(),
    sub: z.string().optional(),
    aud: z.union([z.string(), z.array(z.string())]).optional(),
    client_id: z.string().optional(),
    iat: z.int().optional(),
    exp: z.int().optional(),
    jti: z.string().optional(),
    scope: z.string().optional(),
    org_id: z.string().optional(),
    env: z.enum(['live', 'test']).optional(),
    key_version: z.int().optional(),
  })
  .openapi('Introspection', { description: 'For a token that is not active, only active' })

/** For the API document. */
export const introspectRoute = createRoute({
  method: 'post',
  path: '/introspect',
  operationId: 'introspectToken',
  summary: 'Check whether an access token is active (RFC 7662)',
  security: clientSecurity,
  request: {
    body: formBody(z.object({ token: z.string(), token_type_hint: z.string().optional(), ...clientMembers }), true),
  },
  responses: {
    200: { description: 'Whether the token is active', content: { 'application/json': { schema: introspection } } },
    ...oauthRefusals,
  },
})
