import { createRoute, z } from '@hono/zod-openapi'
import type { Hono } from 'hono'
import {
  apiKeyTokenType,
  clientCredentialsGrant,
  readTokenRequest,
  tokenExchangeGrant,
} from '../oauth/token-request.ts'
import { issueAccessToken } from '../token/issue.ts'
import { type AppEnv, sender } from './context.ts'
import { methodNotAllowed } from './error-response.ts'
import { readFormBody } from './form-body.ts'
import { inspectFormMember } from './misplaced-credential.ts'
import { clientMembers, clientSecurity, formBody, oauthRefusals } from './oauth-schemas.ts'

/** `POST /token`: RFC 6749 §4.4 and RFC 8693. The hot path: reads the body once and builds one plain Response. */
export function tokenRoutes(app: Hono<AppEnv>): void {
  app.post('/token', async (c) => {
    const services = c.get('services')
    const body = await readFormBody(c)
    const request = readTokenRequest(
      { authorization: c.req.header('authorization'), apiKey: c.req.header('x-api-key') },
      body,
      inspectFormMember(c),
    )
    const issued = await issueAccessToken(services, request, c.get('receivedAt'), sender(c))
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

const tokenForm = z
  .object({
    grant_type: z
      .enum([clientCredentialsGrant, tokenExchangeGrant])
      .optional()
      .openapi({ description: 'Optional if the API key is sent as Bearer or X-API-Key' }),
    scope: z.string().optional().openapi({
      description: 'Scopes of the key, separated by spaces. If absent, all of them',
      example: 'orders:read',
    }),
    audience: z.array(z.string()).optional().openapi({ description: 'Who the token is for. May be repeated' }),
    resource: z.array(z.url()).optional().openapi({ description: 'The same as a URI (RFC 8707)' }),
    expires_in: z.int().min(1).optional().openapi({ description: 'Seconds. Reduced to the maximum of the service' }),
    subject_token: z.string().optional().openapi({ description: 'Token exchange: the API key', format: 'password' }),
    subject_token_type: z.literal(apiKeyTokenType).optional(),
    requested_token_type: z.string().optional(),
    ...clientMembers,
  })
  .openapi('TokenRequest')

const tokenAnswer = z
  .object({
    access_token: z.string().openapi({ description: 'A JWT of RFC 9068, typ at+jwt' }),
    token_type: z.literal('Bearer'),
    expires_in: z.int().min(1).openapi({ description: 'Seconds', example: 900 }),
    scope: z.string().optional().openapi({ example: 'orders:read' }),
    issued_token_type: z.string().optional().openapi({ description: 'Token exchange only (RFC 8693 §2.2.1)' }),
  })
  .openapi('TokenAnswer')

/** For the API document. `oauth/token-request.ts` checks the requests. */
export const exchangeRoute = createRoute({
  method: 'post',
  path: '/token',
  operationId: 'exchangeApiKey',
  summary: 'Exchange an API key for an access token (RFC 6749 §4.4, RFC 8693)',
  security: clientSecurity,
  request: { body: formBody(tokenForm, false) },
  responses: {
    200: {
      description: 'The access token. Caches must not store it',
      content: { 'application/json': { schema: tokenAnswer } },
    },
    ...oauthRefusals,
  },
})
