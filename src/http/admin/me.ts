import { createRoute, type OpenAPIHono } from '@hono/zod-openapi'
import { showCaller } from '../../api-keys/operations.ts'
import type { AppEnv } from '../context.ts'
import { apiKey } from './api-keys.ts'
import { jsonAnswer, refusals } from './schemas.ts'

const showCallerRoute = createRoute({
  method: 'get',
  path: '/me',
  operationId: 'showCaller',
  summary: 'Show the API key that asks; needs no role',
  responses: { 200: jsonAnswer('The key', apiKey), ...refusals },
})

export function meRoutes(app: OpenAPIHono<AppEnv>): void {
  app.openapi(showCallerRoute, async (c) => {
    return c.json(await showCaller(c.var.services, c.var.principal), 200)
  })
}
