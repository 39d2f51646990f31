import { Hono } from 'hono'
import { beforeAll, expect, test } from 'vitest'
import { memoryRevocationList } from '../../src/revocation/memory.ts'
import { protectedResource, requireAccessToken } from '../../src/verify/hono.ts'
import { createVerifier } from '../../src/verify/index.ts'
import { issuer } from '../support/service.ts'

const audience = 'https://api.example/orders'
let app: Hono

beforeAll(() => {
  const verifier = createVerifier({ issuer, audience, revocations: memoryRevocationList() })
  const resource = protectedResource({ verifier })
  app = new Hono()
  app.get(resource.path, (c) => c.json(resource.document))
  app.use('/orders/*', requireAccessToken({ verifier, resourceMetadata: resource.metadataUrl }))
})

test('R99 R102 an application says which resource it is, who issues for it, and that tokens come in the header', async () => {
  const response = await app.request('/.well-known/oauth-protected-resource/orders')
  expect(await response.json()).toEqual({ resource: audience, authorization_servers: [issuer], bearer_methods_supported: ['header'] })
})

test('R100 a refusal says where to read that', async () => {
  const { status, headers } = await app.request('/orders/7')
  expect(status).toBe(401)
  expect(headers.get('www-authenticate')).toContain('resource_metadata="https://api.example/.well-known/oauth-protected-resource/orders"')
})
