import { type OpenAPIHono, z } from '@hono/zod-openapi'
import { findLeakedApiKey, revokeApiKey, tryRevokingApiKey } from '../../api-keys/revoke.ts'
import { revokeAllApiKeys, revokeApiKeys } from '../../api-keys/revoke-many.ts'
import type { AppEnv } from '../context.ts'
import { force } from './api-key-schemas.ts'
import { dryRun, dryRunOr, impact } from './impact.ts'
import { because } from './revocation-reason.ts'
import { adminRoute, bodyOrDefaults, jsonAnswer } from './route.ts'
import { instant, instantInput, storedText, word } from './schemas.ts'

const at = instantInput.optional().openapi({ description: 'When it takes effect. If absent, now' })

const revocation = z.strictObject({ ...because, at, dryRun, force }).openapi('ApiKeyRevocation')

const filter = z
  .strictObject({
    organizationId: word(128).optional(),
    label: storedText(100).optional(),
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

const revokeApiKeyRoute = adminRoute('POST /api-keys/{id}/revoke', 'revokeApiKey', {
  permission: 'api_keys.revoke',
  summary: 'Revoke an API key and all its tokens, now or at a later time',
  ifMatch: true,
  optionalBody: revocation,
  answers: dryRunOr('Revoked, or already revoked'),
})

const revokeApiKeysRoute = adminRoute('POST /api-keys/revoke', 'revokeApiKeys', {
  permission: 'api_keys.revoke',
  summary: 'Revoke all API keys that match a filter, except your own',
  body: manyRevocations,
  answers: { 200: jsonAnswer('The keys that were revoked, or in a dry run would be revoked', revokedApiKeys) },
})

const revokeAllRoute = adminRoute('POST /organizations/{id}/revoke-all', 'revokeAllApiKeys', {
  permission: 'api_keys.revoke',
  summary: 'Emergency: revoke all API keys of an organization except your own, and all tokens issued until now',
  ifMatch: true,
  optionalBody: allRevocations,
  answers: { 200: jsonAnswer('The keys that were revoked, or in a dry run would be revoked', revokedApiKeys) },
})

const findLeakedRoute = adminRoute('POST /api-keys/find-leaked', 'findLeakedApiKey', {
  permission: 'api_keys.read',
  summary: 'Find the API key of a leaked secret by its hash',
  body: leakedSecret,
  answers: { 200: jsonAnswer('The id of the key', z.object({ id: z.string() }).openapi('LeakedApiKey')) },
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
    const { dryRun: tries, ...asked } = bodyOrDefaults(revocation, c.req.valid('json'))
    if (tries) return c.json(await tryRevokingApiKey(c.var.services, c.var.principal, id, asked), 200)
    await revokeApiKey(c.var.services, c.var.principal, id, asked)
    return c.body(null, 204)
  })

  app.openapi(revokeAllRoute, async (c) => {
    const asked = bodyOrDefaults(allRevocations, c.req.valid('json'))
    return c.json(await revokeAllApiKeys(c.var.services, c.var.principal, c.req.valid('param').id, asked), 200)
  })
}
