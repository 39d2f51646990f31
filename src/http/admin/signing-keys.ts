import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import { listSigningKeys, rotateSigningKey } from '../../signing-keys/operations.ts'
import type { AppEnv } from '../context.ts'
import { instant, jsonAnswer, jsonBody, refusals } from './schemas.ts'

const purpose = z.enum(['token', 'record'])

const signingKey = z
  .object({
    kid: z.string().openapi({ description: 'RFC 7638 thumbprint' }),
    purpose,
    algorithm: z.string(),
    state: z.enum(['pending', 'active', 'retiring', 'retired', 'revoked']),
    createdAt: instant,
    publishedAt: instant,
    activatesAt: instant.nullable(),
    safeAt: instant.openapi({ description: 'From when the key may sign without surprising a verifier' }),
    retiresAt: instant.nullable(),
    revokedAt: instant.nullable(),
  })
  .openapi('SigningKey')

const rotation = z.strictObject({ purpose: purpose.default('token'), force: z.boolean().default(false) }).openapi('SigningKeyRotation')

const listSigningKeysRoute = createRoute({
  method: 'get',
  path: '/signing-keys',
  operationId: 'listSigningKeys',
  summary: 'List signing keys; all of them are on one page',
  responses: { 200: jsonAnswer('The keys', z.object({ items: z.array(signingKey), nextCursor: z.null() })), ...refusals },
})

const rotateSigningKeyRoute = createRoute({
  method: 'post',
  path: '/signing-keys/rotate',
  operationId: 'rotateSigningKey',
  summary: 'Let the pending key sign, and publish the next one',
  request: { body: { ...jsonBody(rotation), required: false } },
  responses: { 200: jsonAnswer('The key that signs now', signingKey), ...refusals },
})

export function signingKeyRoutes(app: OpenAPIHono<AppEnv>): void {
  app.openapi(listSigningKeysRoute, async (c) => {
    return c.json({ items: await listSigningKeys(c.var.services, c.var.principal), nextCursor: null }, 200)
  })

  app.openapi(rotateSigningKeyRoute, async (c) => {
    const { purpose = 'token', force = false } = c.req.valid('json')
    return c.json(await rotateSigningKey(c.var.services, c.var.principal, { purpose, force }), 200)
  })
}
