import type { Hono } from 'hono'
import { introspectToken } from '../token/introspect.ts'
import { readClientForm, requiredToken } from './client-authentication.ts'
import type { AppEnv } from './context.ts'
import { methodNotAllowed } from './error-response.ts'

/** `POST /introspect`: RFC 7662. Always JSON: signed answers (RFC 9701) are not offered. */
export function introspectRoutes(app: Hono<AppEnv>): void {
  app.post('/introspect', async (c) => {
    const { client, form } = await readClientForm(c)
    const introspection = await introspectToken(c.get('services'), client, requiredToken(form), c.get('receivedAt'))
    return c.json(introspection, 200, { 'Cache-Control': 'no-store', Pragma: 'no-cache' })
  })
  app.all('/introspect', (c) => methodNotAllowed(c, 'POST'))
}
