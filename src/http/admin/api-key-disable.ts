import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import {
  disableApiKey,
  enableApiKey,
  expireApiKey,
  tryDisablingApiKey,
  tryExpiringApiKey,
} from '../../api-keys/disable.ts'
import type { AppEnv } from '../context.ts'
import { apiKey } from './api-key-schemas.ts'
import { dryRun, impact } from './impact.ts'
import { idParam, instant, jsonAnswer, jsonBody, refusals } from './schemas.ts'

const force = z.boolean().default(false).openapi({
  description: 'Allow this for the last root key, and for the last key that can administer its organization',
})

const switching = z.strictObject({ dryRun, force }).openapi('ApiKeySwitch')

const enabledApiKey = apiKey
  .extend({
    tokensUsableFrom: instant.nullable().openapi({
      description: 'Tokens issued before this time stay revoked. Null: the key was not disabled',
    }),
  })
  .openapi('EnabledApiKey')

const triedOut = jsonAnswer('Dry run only: what would break', impact)

const disableApiKeyRoute = createRoute({
  method: 'post',
  path: '/api-keys/{id}/disable',
  operationId: 'disableApiKey',
  summary: 'Disable an API key and its tokens until it is enabled again',
  request: { params: idParam, body: { ...jsonBody(switching), required: false } },
  responses: { 200: triedOut, 204: { description: 'Disabled, or already disabled' }, ...refusals },
})

const enableApiKeyRoute = createRoute({
  method: 'post',
  path: '/api-keys/{id}/enable',
  operationId: 'enableApiKey',
  summary: 'Enable a disabled API key. Tokens issued before stay revoked',
  request: { params: idParam },
  responses: { 200: jsonAnswer('The key', enabledApiKey), ...refusals },
})

const expireApiKeyRoute = createRoute({
  method: 'post',
  path: '/api-keys/{id}/expire',
  operationId: 'expireApiKey',
  summary: 'Expire an API key and its tokens now, permanently',
  request: { params: idParam, body: { ...jsonBody(switching), required: false } },
  responses: { 200: triedOut, 204: { description: 'Expired' }, ...refusals },
})

export function apiKeyDisableRoutes(app: OpenAPIHono<AppEnv>): void {
  app.openapi(disableApiKeyRoute, async (c) => {
    const { id } = c.req.valid('param')
    const { dryRun: tries, force: forced } = c.req.valid('json') // without a body there are no defaults
    if (tries) return c.json(await tryDisablingApiKey(c.var.services, c.var.principal, id), 200)
    await disableApiKey(c.var.services, c.var.principal, id, { force: forced })
    return c.body(null, 204)
  })

  app.openapi(enableApiKeyRoute, async (c) => {
    return c.json(await enableApiKey(c.var.services, c.var.principal, c.req.valid('param').id), 200)
  })

  app.openapi(expireApiKeyRoute, async (c) => {
    const { id } = c.req.valid('param')
    const { dryRun: tries, force: forced } = c.req.valid('json')
    if (tries) return c.json(await tryExpiringApiKey(c.var.services, c.var.principal, id), 200)
    await expireApiKey(c.var.services, c.var.principal, id, { force: forced })
    return c.body(null, 204)
  })
}
