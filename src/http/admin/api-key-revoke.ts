import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import { findLeakedApiKey, revokeApiKey, tryRevokingApiKey } from '../../api-keys/revoke.ts'
import { revokeAllApiKeys, revokeApiKeys } from '../../api-keys/revoke-many.ts'
import type { AppEnv } from '../context.ts'
import { dryRun, impact } from './impact.ts'
import { because } from './revocation-reason.ts'
import { idParam, instant, instantInput, jsonAnswer, jsonBody, refusals, text, word } from './schemas.ts'

const at = instantInput.optional().openapi({ description: 'When it takes effect. If absent, now' })
const force = z.boolean().default(false).openapi({
  description: 'Allow this for the last root key, and for the last key that can administer its organization',
})

const revocation = z.strictObject({ ...because, at, dryRun, force }).openapi('ApiKeyRevocation')

const filter = z
  .strictObject({
    organizationId: word(128).optional(),
    label: text(100).optional(),
    environment: z.enum(['live', 'test']).optional(),
    createdBefore: instantInput.optional(),
    serviceAccountId: word(128).optional(),
    prefix: word(16)
      .optional()
      .openapi({ description: 'Prefix of the leaked secret, before the environment', example: 'mk' }),
    hint: word(4)
      .optional()
      .openapi({ description: 'Last four characters of the random part, as in the `hint` of a key' }),
  })
  .openapi('ApiKeyFilter', {
    description: 'Selects the keys that match all members. At least one member is required',
  })

const manyRevocations = z.strictObject({ filter, ...because, at, dryRun, force }).openapi('ApiKeysRevocation')
const allRevocations = z.strictObject({ ...because, dryRun }).openapi('OrganizationRevocation')

const revokedApiKeys = z
  .object({
    dryRun: z.boolean(),
    apiKeys: z.int().openapi({ description: 'How many keys' }),
    apiKeyIds: z.array(z.string()).openapi({ description: 'The first hundred' }),
    effectiveAt: instant,
    spared: z
      .string()
      .nullable()
      .openapi({ description: 'Id of your own key if the filter matched it. It is not revoked' }),
    impact: impact.nullable().openapi({ description: 'Dry run only' }),
  })
  .openapi('RevokedApiKeys')

const hash = z.string().regex(/^[A-Za-z0-9_-]{43}$/, 'must be 32 bytes as base64url without padding')
const leakedSecret = z.strictObject({ sha256: hash, blake3: hash.optional() }).openapi('LeakedSecret')

const revokeApiKeyRoute = createRoute({
  method: 'post',
  path: '/api-keys/{id}/revoke',
  operationId: 'revokeApiKey',
  summary: 'Revoke an API key and all its tokens, now or at a later time',
  request: { params: idParam, body: { ...jsonBody(revocation), required: false } },
  responses: {
    200: jsonAnswer('Dry run only: what would break', impact),
    204: { description: 'Revoked, or already revoked' },
    ...refusals,
  },
})

const revokeApiKeysRoute = createRoute({
  method: 'post',
  path: '/api-keys/revoke',
  operationId: 'revokeApiKeys',
  summary: 'Revoke all API keys that match a filter, except your own',
  request: { body: jsonBody(manyRevocations) },
  responses: {
    200: jsonAnswer('The keys that were revoked, or in a dry run would be revoked', revokedApiKeys),
    ...refusals,
  },
})

const revokeAllRoute = createRoute({
  method: 'post',
  path: '/organizations/{id}/revoke-all',
  operationId: 'revokeAllApiKeys',
  summary: 'Emergency: revoke all API keys of an organization except your own, and all tokens issued until now',
  request: { params: idParam, body: { ...jsonBody(allRevocations), required: false } },
  responses: {
    200: jsonAnswer('The keys that were revoked, or in a dry run would be revoked', revokedApiKeys),
    ...refusals,
  },
})

const findLeakedRoute = createRoute({
  method: 'post',
  path: '/api-keys/find-leaked',
  operationId: 'findLeakedApiKey',
  summary: 'Find the API key of a leaked secret by its hash',
  request: { body: jsonBody(leakedSecret) },
  responses: {
    200: jsonAnswer('The id of the key', z.object({ id: z.string() }).openapi('LeakedApiKey')),
    ...refusals,
  },
})

export function apiKeyRevokeRoutes(app: OpenAPIHono<AppEnv>): void {
  app.openapi(revokeApiKeysRoute, async (c) => {
    const { filter: meant, ...revocation } = c.req.valid('json')
    return c.json(await revokeApiKeys(c.var.services, c.var.principal, meant, revocation), 200)
  })

  app.openapi(findLeakedRoute, async (c) => {
    return c.json({ id: await findLeakedApiKey(c.var.services, c.var.principal, c.req.valid('json')) }, 200)
  })

  app.openapi(revokeApiKeyRoute, async (c) => {
    const { id } = c.req.valid('param')
    const { dryRun: tries, reason = 'other', ...asked } = c.req.valid('json') // without a body there are no defaults
    if (tries) return c.json(await tryRevokingApiKey(c.var.services, c.var.principal, id), 200)
    await revokeApiKey(c.var.services, c.var.principal, id, { reason, ...asked })
    return c.body(null, 204)
  })

  app.openapi(revokeAllRoute, async (c) => {
    const { reason = 'other', ...asked } = c.req.valid('json')
    return c.json(
      await revokeAllApiKeys(c.var.services, c.var.principal, c.req.valid('param').id, { reason, ...asked }),
      200,
    )
  })
}
