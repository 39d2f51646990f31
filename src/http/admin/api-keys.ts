import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import { createApiKey, listApiKeys, showApiKey } from '../../api-keys/operations.ts'
import { algorithms } from '../../signing-keys/signer.ts'
import type { AppEnv } from '../context.ts'
import { idParam, instant, instantInput, jsonAnswer, jsonBody, pageQuery, pageSchema, refusals, text, word } from './schemas.ts'

const environment = z.enum(['live', 'test'])

export const apiKey = z
  .object({
    id: z.string().openapi({ example: 'key_0192f0c4a1b27c3d8e4f5a6b7c8d9e0f' }),
    organizationId: z.string(),
    name: z.string(),
    environment,
    status: z.enum(['usable', 'revoked', 'expired', 'version_ended', 'disabled', 'service_account_disabled', 'organization_suspended']),
    scopes: z.array(z.string()),
    audiences: z.array(z.string()),
    roles: z.array(z.string()),
    subject: z.string().nullable(),
    tokenAlgorithm: z
      .string()
      .nullable()
      .openapi({ example: 'RS256', description: "What its tokens are signed with; null: the service's default" }),
    version: z.int(),
    hint: z.string().openapi({ description: "Last four characters of the secret's random part" }),
    createdAt: instant,
    createdBy: z.string(),
    expiresAt: instant.nullable(),
    disabledAt: instant.nullable(),
    revokedAt: instant.nullable(),
    revocationReason: z.string().nullable(),
    revocationText: z.string().nullable(),
  })
  .openapi('ApiKey')

const apiKeyDetail = apiKey
  .extend({
    usage: z
      .array(
        z.object({
          version: z.int(),
          exchanges: z.int(),
          lastUsedAt: instant,
          lastExpiresAt: instant.openapi({ description: 'Until then one of its tokens may be alive' }),
          addresses: z.array(z.string()).openapi({ description: 'The last few, newest first' }),
          agents: z.array(z.string()).openapi({ description: 'The last few, newest first' }),
        }),
      )
      .openapi({ description: 'Of each version that was used, newest version first; some seconds behind' }),
  })
  .openapi('ApiKeyDetail')

const newApiKey = z
  .strictObject({
    name: text(100),
    environment: environment.default('live'),
    scopes: z.array(word(128)).max(100).optional(),
    audiences: z.array(word(255)).max(50).optional(),
    roles: z
      .array(z.enum(['root', 'admin']))
      .max(10)
      .optional(),
    subject: text(255).optional(),
    tokenAlgorithm: z.enum(algorithms).optional(),
    expiresAt: instantInput.optional(),
    organizationId: word(128).optional(),
  })
  .openapi('NewApiKey')

const createdApiKey = z
  .object({ apiKey, secret: z.string().openapi({ description: 'Shown here and nowhere else' }) })
  .openapi('CreatedApiKey')

const createApiKeyRoute = createRoute({
  method: 'post',
  path: '/api-keys',
  operationId: 'createApiKey',
  summary: 'Create an API key; the answer holds its secret',
  request: { body: jsonBody(newApiKey) },
  responses: { 201: jsonAnswer('Created', createdApiKey), ...refusals },
})

const listApiKeysRoute = createRoute({
  method: 'get',
  path: '/api-keys',
  operationId: 'listApiKeys',
  summary: 'List API keys, newest first',
  request: { query: pageQuery },
  responses: { 200: jsonAnswer('One page', pageSchema(apiKey)), ...refusals },
})

const showApiKeyRoute = createRoute({
  method: 'get',
  path: '/api-keys/{id}',
  operationId: 'showApiKey',
  summary: 'Show an API key',
  request: { params: idParam },
  responses: { 200: jsonAnswer('The key', apiKeyDetail), ...refusals },
})

export function apiKeyRoutes(app: OpenAPIHono<AppEnv>): void {
  app.openapi(createApiKeyRoute, async (c) => {
    const created = await createApiKey(c.var.services, c.var.principal, c.req.valid('json'))
    return c.json(created, 201, { 'Cache-Control': 'no-store' })
  })

  app.openapi(listApiKeysRoute, async (c) => {
    return c.json(await listApiKeys(c.var.services, c.var.principal, c.req.valid('query')), 200)
  })

  app.openapi(showApiKeyRoute, async (c) => {
    return c.json(await showApiKey(c.var.services, c.var.principal, c.req.valid('param').id), 200)
  })
}
