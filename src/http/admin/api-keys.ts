import { type OpenAPIHono, z } from '@hono/zod-openapi'
import { createApiKey } from '../../api-keys/create.ts'
import { deleteApiKey, tryDeletingApiKey } from '../../api-keys/delete.ts'
import { listApiKeys, showApiKey } from '../../api-keys/read.ts'
import { tryUpdatingApiKey, updateApiKey } from '../../api-keys/update.ts'
import type { AppEnv } from '../context.ts'
import { tagged } from '../etag.ts'
import {
  apiKey,
  apiKeyDetail,
  environment,
  lastHolder,
  listQuery,
  secret,
  settings,
  widerTokensUntil,
} from './api-key-schemas.ts'
import { deletedOr, forcedDeletion } from './deletion.ts'
import { answerOrImpact, dryRun, impact } from './impact.ts'
import { adminRoute, jsonAnswer, pageAnswer } from './route.ts'
import { instant, word } from './schemas.ts'

const newApiKey = z
  .strictObject({ ...settings, environment: environment.default('live'), organizationId: word(128).optional() })
  .openapi('NewApiKey')

const apiKeyUpdate = z
  .strictObject({
    ...settings,
    name: settings.name.optional(),
    endTokens: z
      .boolean()
      .default(false)
      .openapi({ description: 'End the tokens that the key has now, for example because they hold too much' }),
    dryRun,
  })
  .openapi('ApiKeyUpdate', { description: 'Absent members keep their values' })

const updatedApiKey = apiKey
  .extend({
    widerTokensUntil,
    tokensUsableFrom: instant.nullable().openapi({
      description: 'Earlier tokens were ended, and tokens issued after this work. Null: they were not ended',
    }),
  })
  .openapi('UpdatedApiKey')

const createdApiKey = z.object({ apiKey, secret }).openapi('CreatedApiKey')

const createApiKeyRoute = adminRoute('POST /api-keys', 'createApiKey', {
  permission: 'api_keys.create',
  summary: 'Create an API key. The response contains its secret',
  body: newApiKey,
  answers: { 201: jsonAnswer('Created', createdApiKey) },
})

const listApiKeysRoute = adminRoute('GET /api-keys', 'listApiKeys', {
  permission: 'api_keys.read',
  summary: 'List API keys, newest first unless sorted otherwise',
  query: listQuery,
  answers: { 200: pageAnswer(apiKey) },
})

const showApiKeyRoute = adminRoute('GET /api-keys/{id}', 'showApiKey', {
  permission: 'api_keys.read',
  summary: 'Show an API key',
  answers: { 200: jsonAnswer('The key; send its ETag in If-Match to change it', apiKeyDetail) },
})

const updateApiKeyRoute = adminRoute('PATCH /api-keys/{id}', 'updateApiKey', {
  permission: 'api_keys.update',
  summary: 'Change the settings of an API key. Its secret stays the same',
  ifMatch: true,
  body: apiKeyUpdate,
  answers: { 200: answerOrImpact('The key; send its ETag in If-Match to change it', updatedApiKey, impact) },
})

const deletion = forcedDeletion(lastHolder)

const deleteApiKeyRoute = adminRoute('DELETE /api-keys/{id}', 'deleteApiKey', {
  permission: 'api_keys.delete',
  summary: 'Delete an API key with its usage. Its tokens are revoked',
  ifMatch: true,
  query: deletion,
  answers: deletedOr(impact),
})

export function apiKeyRoutes(app: OpenAPIHono<AppEnv>): void {
  app.openapi(createApiKeyRoute, async (c) => {
    const created = await createApiKey(c.var.services, c.var.principal, c.req.valid('json'))
    return c.json(created, 201, { 'Cache-Control': 'no-store', ...tagged(created.apiKey) })
  })

  app.openapi(listApiKeysRoute, async (c) => {
    const { limit, cursor, sort, ...filter } = c.req.valid('query')
    return c.json(await listApiKeys(c.var.services, c.var.principal, { limit, cursor, sort }, filter), 200)
  })

  app.openapi(showApiKeyRoute, async (c) => {
    const shown = await showApiKey(c.var.services, c.var.principal, c.req.valid('param').id)
    return c.json(shown, 200, tagged(shown))
  })

  app.openapi(updateApiKeyRoute, async (c) => {
    const { id } = c.req.valid('param')
    const { dryRun: tries, ...changed } = c.req.valid('json')
    if (tries) return c.json(await tryUpdatingApiKey(c.var.services, c.var.principal, id, changed), 200)
    const updated = await updateApiKey(c.var.services, c.var.principal, id, changed)
    return c.json(updated, 200, tagged(updated))
  })

  app.openapi(deleteApiKeyRoute, async (c) => {
    const { id } = c.req.valid('param')
    const { dryRun: tries, ...asked } = c.req.valid('query')
    if (tries) return c.json(await tryDeletingApiKey(c.var.services, c.var.principal, id, asked), 200)
    await deleteApiKey(c.var.services, c.var.principal, id, asked)
    return c.body(null, 204)
  })
}
