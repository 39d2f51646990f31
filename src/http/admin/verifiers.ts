import { type OpenAPIHono, z } from '@hono/zod-openapi'
import { listVerifiers } from '../../verifiers/operations.ts'
import type { AppEnv } from '../context.ts'
import { adminRoute, pageAnswer } from './route.ts'
import { instant, pageQuery } from './schemas.ts'

const verifier = z
  .object({
    name: z
      .string()
      .nullable()
      .openapi({ example: 'billing-api', description: 'Name that the verifier sent. Not verified' }),
    clientId: z
      .string()
      .nullable()
      .openapi({ description: 'API key that it authenticated with. Null: anonymous, which never counts' }),
    state: z
      .enum(['anonymous', 'known', 'absent'])
      .openapi({ description: 'absent: no fetch for a day, so rotations do not wait for it' }),
    kids: z.array(z.string()).openapi({ description: 'Keys in the JWK Set that it fetched last' }),
    lastFetchedAt: instant,
    address: z.string().nullable(),
    agent: z.string().nullable(),
  })
  .openapi('Verifier')

const listVerifiersRoute = adminRoute('GET /verifiers', 'listVerifiers', {
  permission: 'signing_keys.read',
  summary: 'List the verifiers that fetched the JWK Set in the last 30 days, authenticated ones first',
  query: pageQuery,
  answers: { 200: pageAnswer(verifier) },
})

export function verifierRoutes(app: OpenAPIHono<AppEnv>): void {
  app.openapi(listVerifiersRoute, async (c) => {
    return c.json(await listVerifiers(c.var.services, c.var.principal, c.req.valid('query')), 200)
  })
}
