import { eq } from 'drizzle-orm'
import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { generateApiKey } from '../../src/api-keys/format.ts'
import { apiKeyAttempts, apiKeyUsage } from '../../src/db/schema.ts'
import { runMaintenance } from '../../src/maintenance.ts'
import { type AdminCall, adminClient } from '../support/admin-client.ts'
import { databaseKinds } from '../support/databases.ts'
import { issuer, startTestService, type TestService } from '../support/test-service.ts'

describe.each(databaseKinds)('the use of a key without exchanges, on %s', (kind) => {
  let service: TestService
  let root: AdminCall
  beforeAll(async () => {
    service = await startTestService(kind, { env: { MINTAGE_TRUSTED_PROXY_HOPS: '1' } })
    root = adminClient(service, service.rootKey)
  })
  beforeEach(() => service.clock.advance(60))

  const now = () => service.clock.now().toISOString()

  async function use(path: string, secret: string, address = '192.0.2.1'): Promise<Response> {
    const headers = { Authorization: `Bearer ${secret}`, 'X-Forwarded-For': address, 'User-Agent': 'orders/1' }
    if (path.startsWith('/v1') || path.startsWith('/.well')) return await service.request(path, { headers })
    return await service.request(path, { method: 'POST', headers, body: new URLSearchParams({ token: 'x' }) })
  }

  async function shown(id: string) {
    await service.services.usage.flush()
    return (await root('GET', `/v1/api-keys/${id}`)).body
  }

  test('counts at each endpoint, and the dry run of its revocation names it', async () => {
    const { id, secret } = await service.createKey()
    for (const path of ['/v1/me', '/introspect', '/revoke']) expect((await use(path, secret)).status).toBe(200)
    await use('/.well-known/jwks.json', secret)
    const used = { lastUsedAt: now(), authentications: 4, exchanges: 0 }
    const version = { version: 1, ...used, lastExpiresAt: null, addresses: ['192.0.2.1'], agents: ['orders/1'] }
    // The verifier's key is checked after the answer.
    await expect.poll(() => shown(id)).toMatchObject({ ...used, refusedAttempts: null, usage: [version] })
    const dryRun = await root('POST', `/v1/api-keys/${id}/revoke`, { dryRun: true })
    expect(dryRun.body).toMatchObject({
      apiKeysUsed: 1,
      apiKeysWithLiveTokens: 0,
      ...used,
      lastUses: [{ apiKeyId: id }],
    })
  })

  test('counts for the key behind an access token', async () => {
    const { id, secret } = await service.createKey({ roles: ['admin'] })
    const body = new URLSearchParams({ audience: issuer })
    const exchanged = await service.request('/token', { method: 'POST', headers: { 'X-API-Key': secret }, body })
    const { access_token: token } = await exchanged.json()
    service.clock.advance(30)
    expect((await use('/v1/me', token)).status).toBe(200)
    expect(await shown(id)).toMatchObject({ exchanges: 1, authentications: 2, lastUsedAt: now() })
  })

  test('counts if the request is refused for another reason than the key', async () => {
    const { id, secret } = await service.createKey()
    expect((await use('/v1/api-keys', secret)).status).toBe(403)
    expect(await shown(id)).toMatchObject({ authentications: 1, lastUsedAt: now() })
  })

  test.each([
    ['revoked', { revokedAt: new Date(0) }],
    ['expired', { expiresAt: new Date(0) }],
    ['disabled', { disabledAt: new Date(0) }],
    ['version_ended', { versionExpiresAt: new Date(0) }],
    ['address_not_allowed', { allowedCidrs: ['198.51.100.0/24'] }],
  ])('attempts with a key that is refused as %s are counted, with the last address', async (reason, state) => {
    const { id, secret } = await service.createKey(state)
    for (const [path, address] of [
      ['/token', '192.0.2.1'],
      ['/introspect', '192.0.2.2'],
      ['/v1/me', '192.0.2.3'],
    ] as const) {
      expect((await use(path, secret, address)).status).toBe(401)
      await service.services.usage.flush()
    }
    const refusedAttempts = { attempts: 3, lastAt: now(), reason, address: '192.0.2.3' }
    expect(await shown(id)).toMatchObject({ lastUsedAt: null, authentications: 0, refusedAttempts, usage: [] })
    const { body } = await root('GET', '/v1/api-keys?limit=1')
    expect(body.items).toMatchObject([{ id, refusedAttempts }])
  })

  test.each(['revoke', 'disable'])('attempts with a token of the key are counted too after %s', async (verb) => {
    const { id, secret } = await service.createKey({ roles: ['admin'] })
    const body = new URLSearchParams({ audience: issuer })
    const exchanged = await service.request('/token', { method: 'POST', headers: { 'X-API-Key': secret }, body })
    const { access_token: token } = await exchanged.json()
    expect((await root('POST', `/v1/api-keys/${id}/${verb}`, {})).status).toBe(204)
    expect((await use('/v1/me', token, '192.0.2.4')).status).toBe(401)
    expect(await shown(id)).toMatchObject({
      authentications: 1,
      refusedAttempts: { attempts: 1, lastAt: now(), reason: 'token_revoked', address: '192.0.2.4' },
    })
  })

  test('attempts with an unknown key are not counted', async () => {
    const { db, usage } = service.services
    await usage.flush()
    const counted = async () => [await db.$count(apiKeyUsage), await db.$count(apiKeyAttempts)]
    const before = await counted()
    for (const secret of [generateApiKey('live'), 'open-sesame']) expect((await use('/v1/me', secret)).status).toBe(401)
    await usage.flush()
    expect(await counted()).toEqual(before)
  })

  test('is deleted together with the key, attempts too', async () => {
    const { id, secret } = await service.createKey({ revokedAt: service.clock.now() })
    await use('/token', secret)
    await service.services.usage.flush()
    const { db } = service.services
    const ofKey = eq(apiKeyAttempts.apiKeyId, id)
    expect(await db.$count(apiKeyAttempts, ofKey)).toBe(1)
    service.clock.advance(91 * 86_400)
    await runMaintenance(service.services)
    expect(await db.$count(apiKeyAttempts, ofKey)).toBe(0)
  })
})
