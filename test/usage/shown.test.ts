import { beforeAll, describe, expect, test } from 'vitest'
import { adminClient } from '../support/admin-client.ts'
import { databaseKinds } from '../support/databases.ts'
import { exchange, form, partsOf } from '../support/oauth-requests.ts'
import { startTestService, type TestService } from '../support/test-service.ts'

describe.each(databaseKinds)('the usage of a key, on %s', (kind) => {
  let service: TestService
  beforeAll(async () => {
    service = await startTestService(kind, { env: { MINTAGE_TRUSTED_PROXY_HOPS: '1' } })
  })

  test('is shown with the key: the count, the last use and its address, and the latest expiry of a token', async () => {
    const { id, secret } = await service.createKey()
    const from = (address: string, agent: string) => ({
      Authorization: `Bearer ${secret}`,
      'X-Forwarded-For': address,
      'User-Agent': agent,
    })
    await service.request('/token', form({}, from('192.0.2.1', 'orders/1')))
    service.clock.advance(10)
    const answer = await (await service.request('/token', form({}, from('192.0.2.2', 'orders/1')))).json()
    await service.request('/token', form({ scope: 'not-held' }, from('192.0.2.3', 'refused/1')))
    await service.services.usage.flush()
    const { claims, header } = partsOf(answer.access_token)
    const root = adminClient(service, service.rootKey)
    expect((await root('GET', `/v1/api-keys/${id}`)).body).toMatchObject({
      usage: [
        {
          version: 1,
          exchanges: 2,
          authentications: 3,
          lastUsedAt: service.clock.now().toISOString(),
          lastExpiresAt: new Date(Number(claims.exp) * 1000).toISOString(),
          addresses: ['192.0.2.3', '192.0.2.2', '192.0.2.1'],
          agents: ['refused/1', 'orders/1'],
        },
      ],
    })
    const { body } = await root('GET', '/v1/signing-keys')
    const key = (body.items as { kid: string; usage: unknown }[]).find(({ kid }) => kid === header.kid)
    expect(key?.usage).toMatchObject({ tokens: 2, lastSignedAt: service.clock.now().toISOString() })
  })

  test('is shown only to callers who may see the key', async () => {
    const { id } = await service.createKey()
    const stranger = await service.createKey({ roles: ['admin'], organizationId: await service.createOrganization() })
    expect((await adminClient(service, stranger.secret)('GET', `/v1/api-keys/${id}`)).status).toBe(404)
  })

  test('does not delay or fail a token while it cannot be written', async () => {
    const { secret } = await service.createKey()
    const { usage } = service.services
    usage.recordExchange({
      apiKeyId: 'x',
      version: 1,
      kid: 'k',
      expiresAt: 0,
      address: null,
      agent: null,
      at: new Date(0),
    })
    const flushing = usage.flush()
    expect((await exchange(service, secret)).token_type).toBe('Bearer')
    await flushing
  })
})
