import { type OpenAPIHono, z } from '@hono/zod-openapi'
import {
  disableApiKey,
  enableApiKey,
  expireApiKey,
  tryDisablingApiKey,
  tryExpiringApiKey,
} from '../../api-keys/disable.ts'
import type { AppEnv } from '../context.ts'
import { tagged } from '../etag.ts'
import { apiKey, force } from './api-key-schemas.ts'
import { dryRun, dryRunOr } from './impact.ts'
import { adminRoute, bodyOrDefaults, jsonAnswer } from './route.ts'
import { instant } from './schemas.ts'

const switching = z.strictObject({ dryRun, force }).openapi('ApiKeySwitch')

const enabledApiKey = apiKey
  .extend({
    tokensUsableFrom: instant.nullable().openapi({
      description: 'Tokens issued before this time stay revoked. Null: the key was not disabled',
    }),
  })
  .openapi('EnabledApiKey')

const disableApiKeyRoute = adminRoute('POST /api-keys/{id}/disable', 'disableApiKey', {
  permission: 'api_keys.disable',
  summary: 'Disable an API key and its tokens until it is enabled again',
  ifMatch: true,
  optionalBody: switching,
  answers: dryRunOr('Disabled, or already disabled'),
})

const enableApiKeyRoute = adminRoute('POST /api-keys/{id}/enable', 'enableApiKey', {
  permission: 'api_keys.disable',
  summary: 'Enable a disabled API key. Tokens issued before stay revoked',
  ifMatch: true,
  answers: { 200: jsonAnswer('The key', enabledApiKey) },
})

const expireApiKeyRoute = adminRoute('POST /api-keys/{id}/expire', 'expireApiKey', {
  permission: 'api_keys.revoke',
  summary: 'Expire an API key and its tokens now, permanently',
  ifMatch: true,
  optionalBody: switching,
  answers: dryRunOr('Expired'),
})

export function apiKeyDisableRoutes(app: OpenAPIHono<AppEnv>): void {
  app.openapi(disableApiKeyRoute, async (c) => {
    const { id } = c.req.valid('param')
    const { dryRun: tries, force: forced } = bodyOrDefaults(switching, c.req.valid('json'))
    if (tries) return c.json(await tryDisablingApiKey(c.var.services, c.var.principal, id, { force: forced }), 200)
    await disableApiKey(c.var.services, c.var.principal, id, { force: forced })
    return c.body(null, 204)
  })

  app.openapi(enableApiKeyRoute, async (c) => {
    const enabled = await enableApiKey(c.var.services, c.var.principal, c.req.valid('param').id)
    return c.json(enabled, 200, tagged(enabled))
  })

  app.openapi(expireApiKeyRoute, async (c) => {
    const { id } = c.req.valid('param')
    const { dryRun: tries, force: forced } = bodyOrDefaults(switching, c.req.valid('json'))
    if (tries) return c.json(await tryExpiringApiKey(c.var.services, c.var.principal, id, { force: forced }), 200)
    await expireApiKey(c.var.services, c.var.principal, id, { force: forced })
    return c.body(null, 204)
  })
}
