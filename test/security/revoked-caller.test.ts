import { describe, expect, test } from 'vitest'
import { createApp } from '../../src/app.ts'
import { createServices } from '../../src/compose.ts'
import { adminClient } from '../support/admin-client.ts'
import { databaseKinds } from '../support/databases.ts'
import { exchange, partsOf } from '../support/oauth-requests.ts'
import { startTestService } from '../support/test-service.ts'

describe.each(databaseKinds)('an access token that another instance revoked, on %s', async (kind) => {
  const service = await startTestService(kind)
  const { services, organizationId } = service
  const root = adminClient(service, service.rootKey)

  /** Another instance that polls far too seldom, and hears no notification: its list stays as it was read first. */
  async function staleInstance() {
    const { listen: _, ...database } = service.database
    const stale = createServices(services.config, database, {
      ...services,
      revocations: { pollMilliseconds: 3_600_000 },
    })
    await stale.revocations.refresh()
    const app = createApp(() => stale)
    const request = async (path: string, init?: RequestInit) => await app.request(path, init)
    return { ...service, request }
  }

  async function administrator() {
    const { id, secret } = await service.createKey({ roles: ['root'], subject: 'admin-7' })
    const { access_token: token } = await exchange(service, secret, { audience: services.config.issuer })
    return { id, token }
  }

  const rules = [
    ['token', ({ token }: { token: string }) => String(partsOf(token).claims.jti)],
    ['api_key', ({ id }: { id: string }) => id],
    ['subject', () => `${organizationId} admin-7`],
  ] as const

  test.each(rules)('by a rule about the %s changes nothing, whatever the list in memory says', async (of, valueFor) => {
    const caller = await administrator()
    const instance = await staleInstance()
    const admin = adminClient(instance, caller.token)
    const other = await service.createKey()
    const name = `organization ${Math.random()}`
    expect((await admin('POST', '/v1/organizations', { name })).status).toBe(201)

    const rule = { kind: of, value: valueFor(caller), reason: 'compromised' }
    const revoked = await root('POST', '/v1/revocations', rule)
    expect(revoked.status).toBe(201)
    const changes = [
      ['POST', '/v1/organizations', { name: `${name} 2` }],
      ['PATCH', `/v1/api-keys/${caller.id}`, { name: 'mine now' }],
      ['POST', `/v1/api-keys/${other.id}/rotate`, {}],
      ['POST', `/v1/revocations/${revoked.body.id}/lift`, {}],
      ['POST', '/v1/audit-checkpoints', undefined],
    ] as const
    for (const [method, path, body] of changes)
      expect([path, (await admin(method, path, body)).status]).toEqual([path, 401])

    expect((await root('GET', `/v1/api-keys/${caller.id}`)).body).toMatchObject({ name: 'test' })
    expect((await root('GET', `/v1/api-keys/${other.id}`)).body).toMatchObject({ version: 1 })
    const { body: trail } = await root('GET', '/v1/audit-events?limit=1')
    expect(trail.items).toMatchObject([{ type: 'revocation.created', subject: revoked.body.id }])
    service.clock.advance(2)
  })

  test('can still revoke itself, and its API key', async () => {
    const caller = await administrator()
    const admin = adminClient(service, caller.token)
    const rule = { kind: 'token', value: partsOf(caller.token).claims.jti, reason: 'other' }
    const [one, other] = [await administrator(), await administrator()]
    expect((await admin('POST', '/v1/revocations', rule)).status).toBe(201)
    expect((await adminClient(service, one.token)('POST', `/v1/api-keys/${one.id}/revoke`, {})).status).toBe(204)
    expect((await adminClient(service, other.token)('POST', `/v1/api-keys/${other.id}/disable`, {})).status).toBe(204)
  })
})
