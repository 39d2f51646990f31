import { beforeAll, describe, expect, test } from 'vitest'
import { type AdminCall, adminClient, adminClientWith } from '../../support/admin-client.ts'
import { eventsOf } from '../../support/audit-trail.ts'
import { databaseKinds } from '../../support/databases.ts'
import { exchange, isLive, tryExchange } from '../../support/oauth-requests.ts'
import { type KeyOptions, startTestService, type TestService } from '../../support/test-service.ts'

describe.each(databaseKinds)('service accounts on %s', (kind) => {
  let service: TestService
  let root: AdminCall
  let admin: AdminCall
  let organizationId: string

  beforeAll(async () => {
    service = await startTestService(kind)
    root = adminClient(service, service.rootKey)
    organizationId = await service.createOrganization('own')
    admin = await callerWith({ roles: ['admin'] })
  })

  const callerWith = (key: KeyOptions) => adminClientWith(service, { organizationId, ...key })
  const create = async (body: object) => String((await admin('POST', '/v1/service-accounts', body)).body.id)
  const tokenOf = async (secret: string) => (await exchange(service, secret)).access_token

  test('can be created, shown, listed, changed and deleted', async () => {
    const created = await admin('POST', '/v1/service-accounts', {
      name: 'billing',
      description: 'invoices',
      roles: ['developer'],
    })
    expect([created.status, created.headers.get('etag')]).toEqual([201, '"1"'])
    expect(created.body).toMatchObject({
      organizationId,
      name: 'billing',
      roles: ['developer'],
      apiKeys: 0,
      disabledAt: null,
    })
    const path = `/v1/service-accounts/${String(created.body.id)}`
    expect((await admin('GET', path)).body).toEqual(created.body)
    expect((await admin('GET', '/v1/service-accounts?limit=1')).body).toMatchObject({ items: [created.body] })
    const updated = await admin('PATCH', path, { description: '', roles: ['read_only'] }, { 'If-Match': '"1"' })
    expect(updated.body).toMatchObject({ name: 'billing', description: '', roles: ['read_only'], revision: 2 })
    expect((await admin('PATCH', path, { name: 'x' }, { 'If-Match': '"1"' })).status).toBe(412)
    expect((await admin('PATCH', path, {})).status).toBe(400)
    expect((await admin('DELETE', path)).status).toBe(204)
    expect((await admin('GET', path)).status).toBe(404)
    expect((await admin('DELETE', path)).status).toBe(404)
    const { body } = await admin('GET', '/v1/audit-events?limit=5')
    const types = (body.items as { type: string }[]).map(({ type }) => type)
    expect(types.filter((type) => type !== 'operation.refused')).toEqual([
      'service_account.deleted',
      'service_account.updated',
      'member.roles_assigned',
    ])
  })

  test('have a name that is unique in their organization', async () => {
    const answers = await Promise.all(
      Array.from({ length: 5 }, () => admin('POST', '/v1/service-accounts', { name: 'only' })),
    )
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409, 409, 409, 409])
    expect(answers.find(({ status }) => status === 409)?.body).toMatchObject({ code: 'conflict', member: 'name' })
    expect((await root('POST', '/v1/service-accounts', { name: 'only' })).status).toBe(201)
  })

  test('can own several keys, which can do no more than the account can now', async () => {
    const serviceAccountId = await create({ name: 'narrowed', roles: ['read_only'] })
    const caller = await callerWith({ serviceAccountId, roles: ['admin', 'read_only'] })
    await service.createKey({ organizationId, serviceAccountId })
    expect((await admin('GET', `/v1/service-accounts/${serviceAccountId}`)).body).toMatchObject({ apiKeys: 2 })
    expect((await caller('GET', '/v1/api-keys?limit=1')).status).toBe(200)
    expect((await caller('POST', '/v1/roles', { name: 'sneaky', permissions: ['api_keys.read:own'] })).status).toBe(403)
    await admin('PATCH', `/v1/service-accounts/${serviceAccountId}`, { roles: [] })
    expect((await caller('GET', '/v1/api-keys?limit=1')).status).toBe(403)
    expect((await caller('GET', '/v1/me')).status).toBe(200)
  })

  test('that are disabled get no tokens, and their existing tokens are revoked, until they are enabled', async () => {
    const serviceAccountId = await create({ name: 'switched' })
    const keys = [
      await service.createKey({ organizationId, serviceAccountId }),
      await service.createKey({ organizationId, serviceAccountId }),
    ] as const
    const other = await tokenOf((await service.createKey({ organizationId })).secret)
    const [first, second] = [await tokenOf(keys[0].secret), await tokenOf(keys[1].secret)]
    const path = `/v1/service-accounts/${serviceAccountId}`
    expect((await admin('POST', `${path}/disable`, { reason: 'compromised' })).status).toBe(204)
    expect((await tryExchange(service, keys[0].secret)).status).toBe(401)
    expect([await isLive(service, first), await isLive(service, second), await isLive(service, other)]).toEqual([
      false,
      false,
      true,
    ])
    expect((await admin('GET', `/v1/api-keys/${keys[0].id}`)).body).toMatchObject({
      status: 'service_account_disabled',
    })
    service.clock.advance(100)
    expect((await admin('POST', `${path}/enable`)).status).toBe(204)
    service.clock.advance(2)
    expect([
      await isLive(service, await tokenOf(keys[0].secret)),
      await isLive(service, first),
      await isLive(service, second),
    ]).toEqual([true, false, false])
    const { body } = await admin('GET', '/v1/audit-events?limit=2')
    expect(body.items).toMatchObject([
      { type: 'service_account.enabled', context: { apiKeys: 2 } },
      { type: 'service_account.disabled', reason: 'compromised', context: { apiKeys: 2 } },
    ])
  })

  test('that are enabled do not enable a key that is disabled itself', async () => {
    const serviceAccountId = await create({ name: 'partly' })
    const { secret } = await service.createKey({ organizationId, serviceAccountId, disabledAt: service.clock.now() })
    await admin('POST', `/v1/service-accounts/${serviceAccountId}/disable`)
    await admin('POST', `/v1/service-accounts/${serviceAccountId}/enable`)
    expect((await tryExchange(service, secret)).status).toBe(401)
  })

  test('that are disabled keep the rules that revoke the tokens of their keys', async () => {
    const serviceAccountId = await create({ name: 'ruled' })
    await service.createKey({ organizationId, serviceAccountId })
    await admin('POST', `/v1/service-accounts/${serviceAccountId}/disable`)
    const { body } = await root('GET', '/v1/revocations?limit=1')
    const [{ id }] = body.items as [{ id: string }]
    expect((await root('POST', `/v1/revocations/${id}/lift`)).status).toBe(409)
  })

  test('are disabled or enabled once, even if asked twice', async () => {
    const path = `/v1/service-accounts/${await create({ name: 'often' })}`
    for (const verb of ['disable', 'disable', 'enable', 'enable'])
      expect((await admin('POST', `${path}/${verb}`)).status).toBe(204)
    expect((await admin('GET', path)).body).toMatchObject({ revision: 3 })
  })

  test('can be tried in a dry run that shows who would notice and changes nothing', async () => {
    const serviceAccountId = await create({ name: 'tried' })
    const { id, secret } = await service.createKey({ organizationId, serviceAccountId })
    const token = await tokenOf(secret)
    await service.services.usage.flush()
    const tried = await admin('POST', `/v1/service-accounts/${serviceAccountId}/disable`, { dryRun: true })
    expect(tried.body).toMatchObject({ apiKeys: 1, apiKeysWithLiveTokens: 1, lastUses: [{ apiKeyId: id }] })
    expect(await isLive(service, token)).toBe(true)
  })

  test('that are deleted take their keys and tokens with them; the keys stay in the lists as revoked ones', async () => {
    const serviceAccountId = await create({ name: 'emptied' })
    const [live, revoked] = [
      await service.createKey({ organizationId, serviceAccountId }),
      await service.createKey({ organizationId, serviceAccountId }),
    ]
    const token = await tokenOf(live.secret)
    await admin('POST', `/v1/api-keys/${revoked.id}/revoke`, { reason: 'leaked' })
    await service.services.usage.flush()
    const path = `/v1/service-accounts/${serviceAccountId}`
    expect(await admin('DELETE', `${path}?dryRun=true`)).toMatchObject({
      status: 200,
      body: { apiKeys: 1, apiKeysWithLiveTokens: 1, lastUses: [{ apiKeyId: live.id }] },
    })
    expect(await isLive(service, token)).toBe(true)
    expect((await admin('DELETE', path)).status).toBe(204)
    expect(await isLive(service, token)).toBe(false)
    expect((await tryExchange(service, live.secret)).status).toBe(401)
    const unlinked = { status: 'revoked', serviceAccountId: null }
    const bySystem = { ...unlinked, revocationReason: 'service account deleted', revokedBy: expect.any(String) }
    expect((await admin('GET', `/v1/api-keys/${live.id}`)).body).toMatchObject(bySystem)
    expect((await admin('GET', `/v1/api-keys/${revoked.id}`)).body).toMatchObject({
      ...unlinked,
      revocationReason: 'leaked',
    })
    const [event] = await eventsOf(service.services, { subject: serviceAccountId, type: 'service_account.deleted' })
    expect(event?.context).toEqual({ name: 'emptied', apiKeys: 1, apiKeyIds: [live.id], unlinked: 2 })
  })

  test('that are deleted while they are disabled leave no key that works', async () => {
    const serviceAccountId = await create({ name: 'off and gone' })
    const { id, secret } = await service.createKey({ organizationId, serviceAccountId })
    const token = await tokenOf(secret)
    await admin('POST', `/v1/service-accounts/${serviceAccountId}/disable`)
    expect((await admin('DELETE', `/v1/service-accounts/${serviceAccountId}`)).status).toBe(204)
    expect((await tryExchange(service, secret)).status).toBe(401)
    expect(await isLive(service, token)).toBe(false)
    expect((await admin('POST', `/v1/api-keys/${id}/enable`)).status).toBe(409)
  })

  test('free their name when they are deleted', async () => {
    const first = await create({ name: 'once more' })
    await admin('DELETE', `/v1/service-accounts/${first}`)
    expect((await admin('POST', '/v1/service-accounts', { name: 'Once more' })).status).toBe(201)
  })

  test('get no new key while they are deleted', async () => {
    for (let round = 0; round < 5; round += 1) {
      const serviceAccountId = await create({ name: `brief ${round}` })
      const [made, gone] = await Promise.all([
        admin('POST', '/v1/api-keys', { name: 'late', serviceAccountId }),
        admin('DELETE', `/v1/service-accounts/${serviceAccountId}`),
      ])
      expect([[201, 404].includes(made.status), gone.status]).toEqual([true, 204])
      if (made.status === 201) expect((await tryExchange(service, String(made.body.secret))).status).toBe(401)
    }
  })

  test('cannot be given or lose a role with permissions that the caller lacks', async () => {
    expect((await admin('POST', '/v1/service-accounts', { name: 'risen', roles: ['root'] })).status).toBe(403)
    expect((await admin('POST', '/v1/service-accounts', { name: 'risen', roles: ['made_up'] })).status).toBe(400)
    const roots = String(
      (await root('POST', '/v1/service-accounts', { name: 'roots', organizationId, roles: ['root'] })).body.id,
    )
    for (const [method, path, body] of [
      ['PATCH', '', { roles: [] }],
      ['PATCH', '', { name: 'x' }],
      ['POST', '/disable', {}],
      ['POST', '/enable', {}],
      ['DELETE', '', undefined],
    ] as const) {
      expect((await admin(method, `/v1/service-accounts/${roots}${path}`, body)).status, `${method} ${path}`).toBe(403)
    }
  })

  test('A74: the account of the last administrator cannot lose its roles, be disabled or be deleted', async () => {
    const alone = await service.createOrganization('alone')
    const { body } = await root('POST', '/v1/service-accounts', {
      name: 'ops',
      organizationId: alone,
      roles: ['admin'],
    })
    await service.createKey({ organizationId: alone, serviceAccountId: String(body.id), roles: ['admin'] })
    const path = `/v1/service-accounts/${String(body.id)}`
    expect((await root('PATCH', path, { roles: ['developer'] })).body).toMatchObject({ status: 409, code: 'conflict' })
    expect((await root('POST', `${path}/disable`)).status).toBe(409)
    for (const query of ['', '?dryRun=true']) expect((await root('DELETE', `${path}${query}`)).status).toBe(409)
    expect((await root('GET', path)).body).toMatchObject({ roles: ['admin'], disabledAt: null, revision: 1 })
    await service.createKey({ organizationId: alone, roles: ['admin'] })
    expect((await root('POST', `${path}/disable`)).status).toBe(204)
  })

  test('a developer sees the account that it belongs to, and no others', async () => {
    const serviceAccountId = await create({ name: 'team', roles: ['developer'] })
    await create({ name: 'other team' })
    const developer = await callerWith({ serviceAccountId, roles: ['developer'] })
    expect((await developer('GET', '/v1/service-accounts')).body).toMatchObject({
      items: [{ id: serviceAccountId }],
      nextCursor: null,
    })
    expect((await developer('POST', '/v1/service-accounts', { name: 'mine' })).status).toBe(403)
    expect((await developer('PATCH', `/v1/service-accounts/${serviceAccountId}`, { roles: ['admin'] })).status).toBe(
      403,
    )
  })

  test.each(['id', 'organization_id', 'createdBy', 'disabledAt', 'isAdmin', 'revision', 'apiKeys'])(
    'a body with the member %s is refused',
    async (member) => {
      expect((await admin('POST', '/v1/service-accounts', { name: 'x', [member]: 'x' })).status).toBe(400)
    },
  )

  test('of another organization look like missing ones', async () => {
    const { body } = await root('POST', '/v1/service-accounts', { name: 'theirs' })
    for (const id of [String(body.id), 'svc_missing']) {
      for (const [method, path, json] of [
        ['GET', '', undefined],
        ['PATCH', '', { name: 'x' }],
        ['DELETE', '', undefined],
        ['POST', '/disable', {}],
        ['POST', '/enable', {}],
      ] as const) {
        expect((await admin(method, `/v1/service-accounts/${id}${path}`, json)).status).toBe(404)
      }
    }
    expect(
      (await admin('POST', '/v1/service-accounts', { name: 'x', organizationId: service.organizationId })).status,
    ).toBe(404)
    expect((await root('POST', '/v1/service-accounts', { name: 'x', organizationId: 'org_missing' })).status).toBe(404)
  })
})
