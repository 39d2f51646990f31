import type { Hono } from 'hono'
import { readTokenRequest } from '../oauth/token-request.ts'
import { issueAccessToken } from '../token/issue.ts'
import { type AppEnv, requestOrigin } from './context.ts'
import { methodNotAllowed } from './error-response.ts'
import { readFormBody } from './form-body.ts'

/** `POST /token`: RFC 6749 §4.4 and RFC 8693. The hot path: one body read, one operation, one Response with plain headers. */
export function tokenRoutes(app: Hono<AppEnv>): void {
  app.post('/token', async (c) => {
    const services = c.get('services')
    const body = await readFormBody(c)
    const request = readTokenRequest({ authorization: c.req.header('authorization'), apiKey: c.req.header('x-api-key') }, body)
    const issued = await issueAccessToken(services, request, c.get('receivedAt'), requestOrigin(c))
    services.metrics.exchange('issued')
    const answer = JSON.stringify({
      access_token: issued.accessToken,
      token_type: 'Bearer',
      expires_in: issued.expiresInSeconds,
      scope: issued.scopes.length === 0 ? undefined : issued.scopes.join(' '),
      issued_token_type: request.issuedTokenType,
    })
    return new Response(answer, {
      headers: {
        'Content-Type': 'application/json',
        'Cache-Control': 'no-store',
        Pragma: 'no-cache',
        'X-Request-Id': c.get('requestId'),
      },
    })
  })
  app.all('/token', (c) => methodNotAllowed(c, 'POST'))
}
