import { eq, sql } from 'drizzle-orm'
import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import { generateApiKey } from '../../src/api-keys/format.ts'
import { apiKeys } from '../../src/db/schema.ts'
import { adminClient } from '../support/admin-client.ts'
import { databaseKinds } from '../support/databases.ts'
import { issuer, startTestService, type TestService } from '../support/test-service.ts'

describe.each(databaseKinds)('callers of the admin API, on %s', (kind) => {
  let service: TestService
  beforeAll(async () => {
    service = await startTestService(kind)
  })
  const start = new Date('2026-11-02T10:00:00.000Z')
  afterEach(() => service.clock.set(start))

  const me = async (headers: Record<string, string>) => await service.request('/v1/me', { headers })

  async function adminToken(secret: string, form: Record<string, string> = {}): Promise<string> {
    const body = new URLSearchParams({ audience: issuer, ...form })
    const response = await service.request('/token', { method: 'POST', headers: { 'X-API-Key': secret }, body })
    const { access_token: token } = await response.json()
    return token
  }

  test.each(['Authorization', 'X-API-Key'])('an API key is read from %s', async (header) => {
    const { id, secret } = await service.createKey()
    const response = await me({ [header]: header === 'Authorization' ? `bearer ${secret}` : secret })
    expect(response.status).toBe(200)
    expect(await response.json()).toMatchObject({ id })
  })

  test("an access token for the issuer's audience acts as its key", async () => {
    const { id, secret } = await service.createKey({ roles: ['admin'] })
    const response = await me({ Authorization: `Bearer ${await adminToken(secret)}` })
    expect(response.status).toBe(200)
    expect(await response.json()).toMatchObject({ id, roles: ['admin'] })
  })

  test('an access token for an application is refused', async () => {
    const { secret } = await service.createKey({ roles: ['admin'] })
    const token = await adminToken(secret, { audience: `${issuer}/api` })
    expect((await me({ Authorization: `Bearer ${token}` })).status).toBe(401)
  })

  test('a token stops working once its key is revoked', async () => {
    const root = adminClient(service, service.rootKey)
    const { id, secret } = await service.createKey({ roles: ['admin'] })
    const token = await adminToken(secret)
    expect((await root('POST', `/v1/api-keys/${id}/revoke`)).status).toBe(204)
    expect((await me({ Authorization: `Bearer ${token}` })).status).toBe(401)
  })

  test('a token does not work while its key is disabled', async () => {
    const { id, secret } = await service.createKey({ roles: ['admin'] })
    const token = await adminToken(secret)
    await service.services.db.update(apiKeys).set({ disabledAt: service.clock.now() }).where(eq(apiKeys.id, id))
    expect((await me({ Authorization: `Bearer ${token}` })).status).toBe(401)
  })

  test('a narrowed token grants only its scope, whatever its key may do', async () => {
    const { secret } = await service.createKey({ roles: ['admin'], scopes: ['orders:read', 'orders:write'] })
    const narrow = adminClient(service, await adminToken(secret, { scope: 'orders:read' }))
    const grant = (scope: string) => narrow('POST', '/v1/api-keys', { name: 'x', scopes: [scope] })
    expect((await grant('orders:read')).status).toBe(201)
    expect((await grant('orders:write')).status).toBe(403)
  })

  test('roles are read on each request, and an unknown role permits nothing', async () => {
    const { secret } = await service.createKey()
    expect((await adminClient(service, secret)('GET', '/v1/api-keys')).status).toBe(403)
  })

  describe('refused in the same way are', () => {
    test.each([
      ['an unknown key', () => generateApiKey('live')],
      ['a key with a wrong checksum', () => `${generateApiKey('live').slice(0, -6)}000000`],
      ['a word', () => 'open-sesame'],
      ['something with two dots', () => 'a.b.c'],
      ['an unsigned token', () => `${btoa('{"alg":"none"}')}.${btoa('{}')}.`],
    ])('%s', async (_, credential) => {
      const response = await me({ Authorization: `Bearer ${credential()}` })
      expect(response.status).toBe(401)
      expect(response.headers.get('www-authenticate')).toBe('Bearer realm="mintage", error="invalid_token"')
      expect(await response.json()).toMatchObject({ code: 'api_key_rejected', detail: 'Client authentication failed.' })
    })

    test('revoked keys, expired keys, and keys of suspended organizations', async () => {
      const past = new Date(start.getTime() - 1000)
      const keys = await Promise.all(
        [{ revokedAt: past }, { expiresAt: past }, { disabledAt: past }].map((key) => service.createKey(key)),
      )
      const faces = await Promise.all(
        [...keys.map(({ secret }) => secret), generateApiKey('live')].map(async (secret) => {
          const response = await me({ 'X-API-Key': secret })
          const { instance: _, ...body } = await response.json()
          return JSON.stringify([response.status, body])
        }),
      )
      expect(new Set(faces).size).toBe(1)
    })
  })

  test.each<[string, Record<string, string>]>([
    ['nothing at all', {}],
    ['Basic', { Authorization: `Basic ${btoa('key_1:secret')}` }],
  ])('%s is asked for a credential', async (_, headers) => {
    const response = await me(headers)
    expect(response.status).toBe(401)
    expect(response.headers.get('www-authenticate')).toBe('Bearer realm="mintage"')
  })

  test('two credentials in one request are invalid, even if they match', async () => {
    const { secret } = await service.createKey()
    expect((await me({ Authorization: `Bearer ${secret}`, 'X-API-Key': secret })).status).toBe(400)
    expect((await me({ 'X-API-Key': `${secret}, ${secret}` })).status).toBe(400)
  })

  describe('a refusal is recorded', () => {
    const lastEvent = async () => {
      const { body } = await adminClient(service, service.rootKey)('GET', '/v1/audit-events?limit=1')
      const items: unknown = body.items
      return Array.isArray(items) ? items[0] : undefined
    }

    test('if the caller lacks the permission', async () => {
      const { id, secret } = await service.createKey()
      await adminClient(service, secret)('POST', '/v1/api-keys', { name: 'x' })
      expect(await lastEvent()).toMatchObject({
        type: 'operation.refused',
        result: 'refused',
        actor: id,
        organizationId: service.organizationId,
        subject: null,
        reason: 'api_keys.create',
        agent: 'admin-client/1',
        context: { operation: 'POST /v1/api-keys', code: 'permission_denied' },
      })
    })

    test('if the caller asks for something missing or out of reach', async () => {
      const { id, secret } = await service.createKey({ roles: ['admin'] })
      const elsewhere = `key_${'0'.repeat(32)}`
      await adminClient(service, secret)('POST', `/v1/api-keys/${elsewhere}/revoke`)
      expect(await lastEvent()).toMatchObject({
        result: 'refused',
        actor: id,
        subject: elsewhere,
        context: { operation: 'POST /v1/api-keys/:id/revoke', code: 'not_found' },
      })
    })

    test('but not for unauthenticated callers, who could fill the audit trail', async () => {
      const before = await lastEvent()
      await me({ 'X-API-Key': generateApiKey('live') })
      await me({})
      expect(await lastEvent()).toEqual(before)
    })
  })
})

test('a refusal is still sent when the audit trail cannot be written, and the log says so', async () => {
  const service = await startTestService()
  const { secret } = await service.createKey()
  await service.services.db.execute(sql`alter table audit_events rename to lost`)
  expect((await adminClient(service, secret)('GET', '/v1/api-keys')).status).toBe(403)
  expect(service.logged).toContainEqual(
    expect.objectContaining({ event: 'audit_failed', operation: 'GET /v1/api-keys' }),
  )
})
