import { describe, expect, test } from 'vitest'
import { isNarrowed } from '../../src/api-keys/narrowing.ts'
import { rotateApiKey } from '../../src/api-keys/rotate.ts'
import type { ApiKeyChange } from '../../src/api-keys/settings.ts'
import { tryUpdatingApiKey, updateApiKey } from '../../src/api-keys/update.ts'
import { adminClient } from '../support/admin-client.ts'
import { databaseKinds } from '../support/databases.ts'
import { exchange, isLive, tryExchange } from '../support/oauth-requests.ts'
import { principal } from '../support/principal.ts'
import { startTestService } from '../support/test-service.ts'

const key = {
  scopes: ['orders:*', 'users:read'],
  audiences: ['https://a.example'],
  roles: ['read_only'],
  subject: null,
  customClaims: { tier: 'gold' },
}

test.each([
  ['nothing', {}, false],
  ['a scope', { scopes: ['orders:*'] }, true],
  ['a part of a wildcard', { scopes: ['orders:read', 'users:read'] }, true],
  ['an audience', { audiences: [] }, true],
  ['a role', { roles: [] }, true],
  ['the subject', { subject: 'customer-7' }, true],
  ['a claim', { customClaims: { tier: 'basic' } }, true],
  ['nothing, and adds a scope', { scopes: [...key.scopes, 'more'] }, false],
  ['nothing, and widens a scope', { scopes: ['*'] }, false],
])('a change that takes away %s', (_, change, narrows) => {
  expect(isNarrowed(key, { ...key, ...change })).toBe(narrows)
})

describe.each(databaseKinds)('a narrowed API key on %s', async (kind) => {
  const service = await startTestService(kind)
  const { services, clock, organizationId } = service
  const root = adminClient(service, service.rootKey)
  const admin = principal(organizationId, ['root'], { clientId: 'key_root' })
  const in1Hour = () => new Date(clock.now().getTime() + 3_600_000).toISOString()
  const make = () => service.createKey({ scopes: ['orders:read', 'orders:write'] })
  const narrower: ApiKeyChange = { scopes: ['orders:read'] }

  test('the answer says until when wider tokens may live, and they do live', async () => {
    const { id, secret } = await make()
    const { access_token: wide } = await exchange(service, secret)
    const { status, body } = await root('PATCH', `/v1/api-keys/${id}`, narrower)
    expect([status, body.widerTokensUntil, body.tokensUsableFrom]).toEqual([200, in1Hour(), null])
    expect(await isLive(service, wide)).toBe(true)
    expect((await updateApiKey(services, admin, id, { scopes: ['*'] })).widerTokensUntil).toBeNull()
  })

  test('wider tokens never live longer than the key', async () => {
    const { id } = await make()
    const expiresAt = new Date(clock.now().getTime() + 60_000)
    const updated = await updateApiKey(services, admin, id, { ...narrower, expiresAt })
    expect(updated.widerTokensUntil).toBe(expiresAt.toISOString())
  })

  test('a rotation says the same, and its overlap ends wider tokens', async () => {
    const { id } = await make()
    const overlapping = await rotateApiKey(services, admin, id, { overlapSeconds: 600, change: narrower })
    expect(overlapping.widerTokensUntil).toBe(overlapping.formerVersion.endsAt)
    const { id: other } = await make()
    const hard = await rotateApiKey(services, admin, other, { overlapSeconds: 0, change: narrower })
    expect(hard.widerTokensUntil).toBeNull()
  })

  test('endTokens ends earlier tokens in the same call, and later tokens work', async () => {
    const { id, secret } = await make()
    const { access_token: wide } = await exchange(service, secret)
    const { status, body } = await root('PATCH', `/v1/api-keys/${id}`, { ...narrower, endTokens: true })
    const usable = new Date(clock.now().getTime() + 31_000)
    expect([status, body.widerTokensUntil, body.tokensUsableFrom]).toEqual([200, null, usable.toISOString()])
    expect(await isLive(service, wide)).toBe(false)
    const early = await tryExchange(service, secret)
    expect([early.status, early.headers.get('retry-after')]).toEqual([503, '31'])
    clock.set(usable)
    const { access_token: narrow, scope } = await exchange(service, secret)
    expect([scope, await isLive(service, narrow)]).toEqual(['orders:read', true])
    const { body: trail } = await root('GET', `/v1/audit-events?subject=${id}&limit=1`)
    expect(trail.items).toMatchObject([
      { type: 'api_key.updated', context: { tokensUsableFrom: usable.toISOString(), changes: { scopes: {} } } },
    ])
  })

  test('endTokens also works without another change', async () => {
    const { id, secret } = await make()
    const { access_token: token } = await exchange(service, secret)
    expect((await updateApiKey(services, admin, id, { endTokens: true })).revision).toBe(2)
    expect(await isLive(service, token)).toBe(false)
  })

  test('a dry run of endTokens says who would notice, and ends nothing', async () => {
    const { id, secret } = await make()
    const { access_token: token } = await exchange(service, secret)
    await services.usage.flush()
    expect(await tryUpdatingApiKey(services, admin, id, { endTokens: true })).toMatchObject({
      apiKeysWithLiveTokens: 1,
    })
    expect(await isLive(service, token)).toBe(true)
  })

  test('a caller who may edit a key but not disable it cannot end its tokens', async () => {
    const { id } = await make()
    const agent = principal(organizationId, ['write_agent'], { clientId: 'key_agent' })
    for (const attempt of [updateApiKey, tryUpdatingApiKey])
      await expect(attempt(services, agent, id, { endTokens: true })).rejects.toMatchObject({
        code: 'permission_denied',
      })
  })
})
