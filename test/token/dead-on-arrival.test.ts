import { describe, expect, onTestFinished, test } from 'vitest'
import { createApp } from '../../src/app.ts'
import { openPostgres } from '../../src/db/postgres.ts'
import { createServiceRevocationList } from '../../src/revocation/service-list.ts'
import { adminClient } from '../support/admin-client.ts'
import { databaseKinds } from '../support/databases.ts'
import { form, isLive } from '../support/oauth-requests.ts'
import { secondInstance } from '../support/second-instance.ts'
import { startTestService } from '../support/test-service.ts'

describe.each(databaseKinds)('a token that would be dead on arrival, on %s', async (kind) => {
  const service = await startTestService(kind)
  const { services, clock } = service
  const root = adminClient(service, service.rootKey)
  const send = async (path: string, body: object = {}) => {
    const { status } = await root('POST', path, body)
    expect(status).toBeLessThan(300)
  }
  const because = { reason: 'other' }
  const createAccount = async () => {
    const account = { name: `account ${Math.random()}`, organizationId: service.organizationId, roles: [] }
    const { body } = await root('POST', '/v1/service-accounts', account)
    return String(body.id)
  }

  /** What `/token` says now: the error, or that its token is usable. */
  async function outcome(secret: string, instance: Pick<typeof service, 'request'> = service) {
    const response = await instance.request('/token', { method: 'POST', headers: { 'X-API-Key': secret } })
    const body = await response.json()
    if (response.status === 200) return (await isLive(service, body.access_token)) ? 'usable' : 'dead on arrival'
    return `${response.status} ${body.error} ${response.headers.get('retry-after')}`
  }

  test('is not issued after its API key was enabled: the answer is 503 until tokens are usable', async () => {
    const { id, secret } = await service.createKey()
    await send(`/v1/api-keys/${id}/disable`)
    await send(`/v1/api-keys/${id}/enable`)
    expect(await outcome(secret)).toBe('503 temporarily_unavailable 31')
    clock.advance(30)
    expect(await outcome(secret)).toBe('503 temporarily_unavailable 1')
    clock.advance(1)
    expect(await outcome(secret)).toBe('usable')
  })

  test('is not issued after its organization was resumed', async () => {
    const organizationId = await service.createOrganization()
    const { secret } = await service.createKey({ organizationId })
    await send(`/v1/organizations/${organizationId}/suspend`, because)
    await send(`/v1/organizations/${organizationId}/resume`)
    expect(await outcome(secret)).toBe('503 temporarily_unavailable 31')
    clock.advance(31)
    expect(await outcome(secret)).toBe('usable')
  })

  test('is not issued after its service account was enabled', async () => {
    const serviceAccountId = await createAccount()
    const { secret } = await service.createKey({ serviceAccountId })
    await send(`/v1/service-accounts/${serviceAccountId}/disable`, because)
    await send(`/v1/service-accounts/${serviceAccountId}/enable`)
    expect(await outcome(secret)).toBe('503 temporarily_unavailable 31')
    clock.advance(31)
    expect(await outcome(secret)).toBe('usable')
  })

  test('is not issued in the second in which the tokens of its subject are revoked', async () => {
    const { secret } = await service.createKey({ subject: 'customer-7' })
    const value = `${service.organizationId} customer-7`
    await send('/v1/revocations', { kind: 'subject', value, ...because })
    expect(await outcome(secret)).toBe('503 temporarily_unavailable 1')
    clock.advance(1)
    expect(await outcome(secret)).toBe('usable')
  })

  test('is not issued while a rule covers every token of its subject, in any form of credential', async () => {
    const { secret } = await service.createKey({ subject: 'customer-8' })
    const value = `${service.organizationId} customer-8`
    await send('/v1/revocations', { kind: 'subject', value, issuedBefore: null, ...because })
    expect(await outcome(secret)).toBe('401 invalid_client null')
    const subject = {
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      subject_token: secret,
      subject_token_type: 'urn:mintage:params:oauth:token-type:api-key',
    }
    const response = await service.request('/token', form(subject))
    expect([response.status, (await response.json()).error]).toEqual([400, 'invalid_request'])
    expect(service.exchanges.get('tokens_revoked')).toBe(2)
  })

  test('does not stop tokens of a newer version, or of other API keys', async () => {
    const { id } = await service.createKey()
    const other = await service.createKey()
    const { body } = await root('POST', `/v1/api-keys/${id}/rotate`, { overlapSeconds: 0 })
    expect(await outcome(String(body.secret))).toBe('usable')
    expect(await outcome(other.secret)).toBe('usable')
  })

  test('is not issued by an instance that reads the list in requests and has not read it yet', async () => {
    const { id, secret } = await service.createKey()
    await send(`/v1/api-keys/${id}/disable`)
    await send(`/v1/api-keys/${id}/enable`)
    expect(await outcome(secret, secondInstance(service, service.database))).toMatch(/^503 /)
  })

  test('an instance whose list still has the key disabled reads it again before it answers', async () => {
    const { id, secret } = await service.createKey()
    const other = secondInstance(service, service.database)
    await send(`/v1/api-keys/${id}/disable`)
    await other.services.revocations.refresh()
    await send(`/v1/api-keys/${id}/enable`)
    expect(await outcome(secret, other)).toBe('503 temporarily_unavailable 31')
  })

  test.each([
    ['reads the list in requests and has just read it', { refreshInRequest: true }],
    ['polls, and has not polled since', { pollMilliseconds: 600_000 }],
  ] as const)('is not issued by an instance that %s, before the change', async (_, revocations) => {
    const [enabled, narrowed] = [await service.createKey(), await service.createKey()]
    const other = secondInstance(service, service.database, services.now, { revocations })
    await other.services.revocations.refresh()
    expect(await outcome(narrowed.secret, other)).toBe('usable')
    await send(`/v1/api-keys/${enabled.id}/disable`)
    await send(`/v1/api-keys/${enabled.id}/enable`)
    expect(await outcome(enabled.secret, other)).toBe('503 temporarily_unavailable 31')
    expect((await root('PATCH', `/v1/api-keys/${narrowed.id}`, { endTokens: true })).status).toBe(200)
    expect(await outcome(narrowed.secret, other)).toBe('503 temporarily_unavailable 31')
  })

  test('an exchange works while the list cannot be read', async () => {
    const { secret } = await service.createKey()
    const away = openPostgres({
      url: 'postgres://nobody@127.0.0.1:1/nothing',
      pooler: 'none',
      deadlineMilliseconds: 1000,
    })
    onTestFinished(() => away.close())
    const list = { db: away.db, database: away, now: services.now, refreshInRequest: true } as const
    const app = createApp(() => ({ ...services, revocations: createServiceRevocationList(list) }))
    const instance = { request: async (path: string, init?: RequestInit) => await app.request(path, init) }
    expect(await outcome(secret, instance)).toBe('usable')
  })
})
