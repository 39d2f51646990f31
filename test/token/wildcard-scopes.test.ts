import { Hono } from 'hono'
import { describe, expect, test } from 'vitest'
import { requireAccessToken } from '../../src/kit/hono.ts'
import { adminClient } from '../support/admin-client.ts'
import { databaseKinds } from '../support/databases.ts'
import { exchange, form, partsOf } from '../support/oauth-requests.ts'
import { startTestService } from '../support/test-service.ts'

describe.each(databaseKinds)('a key with wildcard scopes on %s', async (kind) => {
  const service = await startTestService(kind)
  const key = await service.createKey({ scopes: ['orders:*', 'invoices:read'] })
  const scopeOf = async (parameters: Record<string, string>) =>
    partsOf((await exchange(service, key.secret, parameters)).access_token).claims.scope

  test('gets a token with the requested scopes and nothing wider', async () => {
    expect(await scopeOf({ scope: 'orders:read' })).toBe('orders:read')
    expect(await scopeOf({ scope: 'orders:items:* invoices:read' })).toBe('orders:items:* invoices:read')
    expect(await scopeOf({})).toBe('orders:* invoices:read')
  })

  test.each(['*', 'orders', 'ordersummary:read', 'invoices:*', 'orders:read invoices:write'])(
    'is refused %j',
    async (scope) => {
      const response = await service.request('/token', form({ scope }, { Authorization: `Bearer ${key.secret}` }))
      expect([response.status, (await response.json()).error]).toEqual([400, 'invalid_scope'])
    },
  )

  test('reaches with its token what the wildcard covers in an application', async () => {
    const { verifier, config } = service.services
    const app = new Hono()
    const guarded = { verify: verifier.verify, audience: config.audience }
    app.get('/read', requireAccessToken({ verifier: guarded, scope: 'orders:read' }), (c) => c.text('read'))
    app.get('/any', requireAccessToken({ verifier: guarded, scope: { any: ['orders:admin', 'root'] } }), (c) =>
      c.text('any'),
    )
    app.get('/not', requireAccessToken({ verifier: guarded, scope: 'invoices:write' }), (c) => c.text('not'))
    const { access_token: token } = await exchange(service, key.secret)
    const statuses = await Promise.all(
      ['/read', '/any', '/not'].map(
        async (path) => (await app.request(path, { headers: { Authorization: `Bearer ${token}` } })).status,
      ),
    )
    expect(statuses).toEqual([200, 200, 403])
  })

  test('with a narrowed admin token grants no more than the token holds', async () => {
    const { issuer } = service.services.config
    const admin = await service.createKey({ roles: ['admin'], scopes: ['orders:*'], audiences: [issuer] })
    const { access_token: token } = await exchange(service, admin.secret, { audience: issuer, scope: 'orders:read' })
    const call = adminClient(service, token)
    expect((await call('POST', '/v1/api-keys', { name: 'x', scopes: ['orders:read'] })).status).toBe(201)
    expect((await call('POST', '/v1/api-keys', { name: 'x', scopes: ['orders:write'] })).status).toBe(403)
    expect((await call('POST', '/v1/api-keys', { name: 'x', scopes: ['orders:*'] })).status).toBe(403)
  })
})
