import { beforeAll, describe, expect, test } from 'vitest'
import { type AdminCall, adminClient } from '../../support/admin-client.ts'
import { databaseKinds } from '../../support/databases.ts'
import { exchange, partsOf, tryExchange } from '../../support/oauth-requests.ts'
import { startTestService, type TestService } from '../../support/test-service.ts'

describe.each(databaseKinds)('the life of an API key over HTTP, on %s', (kind) => {
  let service: TestService
  let root: AdminCall
  beforeAll(async () => {
    service = await startTestService(kind)
    root = adminClient(service, service.rootKey)
  })

  type Created = { apiKey: { id: string; revision: number }; secret: string }
  const create = async (body: object = {}) =>
    (await root('POST', '/v1/api-keys', { name: 'orders', ...body })).body as Created
  const claimsOf = async (secret: string) => partsOf((await exchange(service, secret)).access_token).claims

  test('every setting of a key is shown, and reaches its tokens', async () => {
    const said = {
      name: 'Orders worker',
      description: 'reads orders at night',
      environment: 'test',
      scopes: ['orders:read'],
      audiences: ['https://api.example'],
      subject: 'robot',
      customClaims: { plan: 'gold', 'https://acme.example/tenant': { id: 7 } },
      allowedCidrs: [],
      deniedCidrs: ['203.0.113.0/24', '2001:db8::/32'],
      requestsPerMinute: 30,
      rotateEverySeconds: 86_400,
      labels: ['team:orders', 'nightly'],
      expiresAt: '2030-01-01T00:00:00.000Z',
    }
    const created = await root('POST', '/v1/api-keys', said)
    expect(created.headers.get('etag')).toBe('"1"')
    const { apiKey, secret } = created.body as Created
    const rotationDueAt = new Date(service.clock.now().getTime() + 86_400_000).toISOString()
    expect(apiKey).toMatchObject({ ...said, tokenAlgorithm: null, serviceAccountId: null, rotationDueAt, revision: 1 })
    const allowedAnywhere = await root('PATCH', `/v1/api-keys/${apiKey.id}`, { deniedCidrs: [] })
    expect(allowedAnywhere.body).toMatchObject({ deniedCidrs: [] })
    expect(await claimsOf(secret)).toMatchObject({
      sub: 'robot',
      plan: 'gold',
      'https://acme.example/tenant': { id: 7 },
      env: 'test',
    })
  })

  test('null means never, and is accepted', async () => {
    expect((await create({ expiresAt: null })).apiKey).toMatchObject({ expiresAt: null })
  })

  test('a change can name its revision, and is refused if that revision is outdated', async () => {
    const { apiKey } = await create()
    const path = `/v1/api-keys/${apiKey.id}`
    const first = await root('PATCH', path, { name: 'renamed' }, { 'If-Match': '"1"' })
    expect([first.status, first.headers.get('etag'), first.body.name]).toEqual([200, '"2"', 'renamed'])
    const second = await root('PATCH', path, { name: 'again' }, { 'If-Match': '"1"' })
    expect([second.status, second.body.code]).toEqual([412, 'precondition_failed'])
    expect((await root('GET', path)).headers.get('etag')).toBe('"2"')
    expect((await root('PATCH', path, { name: 'whatever it was' })).headers.get('etag')).toBe('"3"')
  })

  test('disable, preceded by a dry run, and enable', async () => {
    const { apiKey, secret } = await create()
    const path = `/v1/api-keys/${apiKey.id}`
    expect((await root('POST', `${path}/disable`, { dryRun: true })).body).toMatchObject({
      apiKeys: 1,
      apiKeysWithLiveTokens: 0,
    })
    expect((await tryExchange(service, secret)).status).toBe(200)
    expect((await root('POST', `${path}/disable`)).status).toBe(204)
    expect((await tryExchange(service, secret)).status).toBe(401)
    expect((await root('GET', path)).body).toMatchObject({ status: 'disabled' })
    const enabled = await root('POST', `${path}/enable`)
    expect(enabled.body).toMatchObject({ status: 'usable', tokensUsableFrom: expect.any(String) })
    expect((await tryExchange(service, secret)).status).toBe(503)
    service.clock.set(new Date(String(enabled.body.tokensUsableFrom)))
    expect((await tryExchange(service, secret)).status).toBe(200)
  })

  test('expire is permanent', async () => {
    const { apiKey, secret } = await create()
    const path = `/v1/api-keys/${apiKey.id}`
    expect((await root('POST', `${path}/expire`, { dryRun: true })).status).toBe(200)
    expect((await root('POST', `${path}/expire`)).status).toBe(204)
    expect((await tryExchange(service, secret)).status).toBe(401)
    for (const verb of ['expire', 'disable', 'enable', 'rotate'])
      expect((await root('POST', `${path}/${verb}`)).status).toBe(409)
    expect((await root('PATCH', path, { expiresAt: null })).status).toBe(409)
  })

  test('rotate shows a new secret once, versions show their usage, and an overlap can be ended', async () => {
    const { apiKey, secret } = await create()
    const path = `/v1/api-keys/${apiKey.id}`
    const rotated = await root('POST', `${path}/rotate`, { overlapSeconds: 3600, description: 'second secret' })
    expect(rotated.headers.get('cache-control')).toBe('no-store')
    const fresh = String(rotated.body.secret)
    expect(rotated.body).toMatchObject({
      apiKey: { version: 2, description: 'second secret' },
      formerVersion: { version: 1 },
    })
    expect([(await tryExchange(service, secret)).status, (await tryExchange(service, fresh)).status]).toEqual([
      200, 200,
    ])
    const versions = await root('GET', `${path}/versions`)
    expect(versions.body).toMatchObject({
      items: [{ version: 2 }, { version: 1, state: 'overlapping' }],
      nextCursor: null,
    })
    expect((await root('POST', `${path}/versions/1/end`)).body).toMatchObject({ version: 2, status: 'usable' })
    expect([(await tryExchange(service, secret)).status, (await tryExchange(service, fresh)).status]).toEqual([
      401, 200,
    ])
    const shown = await root('GET', path)
    const trail = await root('GET', '/v1/audit-events?limit=50')
    for (const shownOnce of [secret, fresh])
      expect(versions.text + shown.text + trail.text).not.toContain(shownOnce.slice(8, 30))
  })

  test('a rotation without a body uses the overlap of the plan', async () => {
    const { apiKey } = await create()
    const endsAt = new Date(service.clock.now().getTime() + 86_400_000).toISOString()
    expect((await root('POST', `/v1/api-keys/${apiKey.id}/rotate`)).body).toMatchObject({
      formerVersion: { version: 1, endsAt },
    })
  })

  test('a list can be filtered', async () => {
    await create({ name: '100%_sure\\', labels: ['odd'] })
    for (const query of ['name=%25_S', 'name=%5C', 'label=odd', 'label=odd&status=usable&environment=live']) {
      const { body } = await root('GET', `/v1/api-keys?${query}`)
      expect(body, query).toMatchObject({ items: [{ name: '100%_sure\\' }] })
    }
    expect((await root('GET', '/v1/api-keys?label=odd&status=revoked')).body).toEqual({ items: [], nextCursor: null })
  })

  describe('a caller whose key has no role', () => {
    test('sees the key, its limits and the secret it used, and nothing else', async () => {
      const { apiKey, secret } = await create({
        scopes: ['orders:read'],
        requestsPerMinute: 7,
        rotateEverySeconds: 86_400,
      })
      const holder = adminClient(service, secret)
      expect((await holder('GET', '/v1/me')).body).toMatchObject({
        id: apiKey.id,
        status: 'usable',
        expiresAt: null,
        scopes: ['orders:read'],
        limits: { requestsPerMinute: 7, requestsPerMonth: 1_000_000 },
        rotationDueAt: expect.any(String),
        usedVersion: { version: 1, endsAt: null },
      })
      for (const path of [
        '/v1/api-keys',
        `/v1/api-keys/${apiKey.id}`,
        '/v1/organizations',
        '/v1/audit-events',
        '/v1/revocations',
      ]) {
        expect((await holder('GET', path)).status, path).toBe(403)
      }
      expect((await holder('POST', `/v1/api-keys/${apiKey.id}/rotate`)).status).toBe(403)
    })

    test('can rotate it with its newest secret, but not with a previous one or a token', async () => {
      const { secret } = await create()
      const rotated = await adminClient(service, secret)('POST', '/v1/me/rotate', { overlapSeconds: 60 })
      expect(rotated.body).toMatchObject({ apiKey: { version: 2 }, secret: expect.stringMatching(/^mk_live_/) })
      const former = await adminClient(service, secret)('GET', '/v1/me')
      expect(former.body).toMatchObject({ version: 2, usedVersion: { version: 1, endsAt: expect.any(String) } })
      expect((await adminClient(service, secret)('POST', '/v1/me/rotate')).status).toBe(403)
      expect(
        (await adminClient(service, String(rotated.body.secret))('POST', '/v1/me/rotate', { name: 'mine' })).status,
      ).toBe(400)
      const admin = await create({ roles: ['admin'], audiences: ['https://auth.example'] })
      const body = new URLSearchParams({ audience: 'https://auth.example' })
      const answer = await service.request('/token', { method: 'POST', headers: { 'X-API-Key': admin.secret }, body })
      const byToken = adminClient(service, (await answer.json()).access_token)
      expect((await byToken('GET', '/v1/me')).body).toMatchObject({ id: admin.apiKey.id, usedVersion: null })
      expect((await byToken('POST', '/v1/me/rotate')).status).toBe(403)
    })

    test('can revoke it', async () => {
      const { apiKey, secret } = await create()
      expect((await adminClient(service, secret)('POST', '/v1/me/revoke', { reason: 'leaked' })).status).toBe(204)
      expect((await tryExchange(service, secret)).status).toBe(401)
      expect((await root('GET', `/v1/api-keys/${apiKey.id}`)).body).toMatchObject({
        status: 'revoked',
        revocationReason: 'leaked',
      })
      expect((await adminClient(service, secret)('GET', '/v1/me')).status).toBe(401)
    })
  })

  test.each<[string, unknown, number]>([
    ['a name of a megabyte', { name: 'n'.repeat(1_000_000) }, 413],
    ['a name of 101 characters', { name: 'n'.repeat(101) }, 400],
    ['NUL in a name', { name: 'a\0b' }, 400],
    ['half of a surrogate pair', '{"name":"\\ud800"}', 400],
    ['an unknown member', { name: 'x', organization_id: 'org_1' }, 400],
    ['its own id', { name: 'x', id: 'key_1' }, 400],
    ['its own creator', { name: 'x', createdBy: 'key_root' }, 400],
    ['its own revision', { name: 'x', revision: 7 }, 400],
    ['a prototype', '{"name":"x","__proto__":{"roles":["root"]}}', 400],
    ['a prototype among its claims', '{"name":"x","customClaims":{"a":{"__proto__":{"b":1}}}}', 400],
    ['a claim of the service', { name: 'x', customClaims: { org_id: 'org_1' } }, 400],
    ['claims in a list', { name: 'x', customClaims: ['a'] }, 400],
    ['NUL in a claim', { name: 'x', customClaims: { a: 'b\0' } }, 400],
    ['more than 4 KB of claims', { name: 'x', customClaims: { a: 'b'.repeat(4097) } }, 400],
    ['NUL in a label', { name: 'x', labels: ['a\0'] }, 400],
    ['21 labels', { name: 'x', labels: Array.from({ length: 21 }, (_, count) => `l${count}`) }, 400],
    ['an invalid range', { name: 'x', allowedCidrs: ['10.0.0.1/8'] }, 400],
    ['51 ranges', { name: 'x', allowedCidrs: Array.from({ length: 51 }, (_, count) => `10.0.${count}.0/24`) }, 400],
    ['a limit of none', { name: 'x', requestsPerMinute: 0 }, 400],
    ['half a limit', { name: 'x', requestsPerMinute: 1.5 }, 400],
    ['a rhythm of a second', { name: 'x', rotateEverySeconds: 1 }, 400],
    ['an expiry without an offset', { name: 'x', expiresAt: '2030-01-01T00:00:00' }, 400],
    ['an expiry that is a number', '{"name":"x","expiresAt":1e400}', 400],
    ['an unknown role', { name: 'x', roles: ['emperor'] }, 400],
    ['a role by the name of an object member', { name: 'x', roles: ['constructor'] }, 400],
    ['an unknown service account', { name: 'x', serviceAccountId: 'svc_missing' }, 404],
  ])('%s is refused when a key is created or changed', async (_, body, status) => {
    const { apiKey } = await create()
    expect((await root('POST', '/v1/api-keys', body)).status).toBe(status)
    expect((await root('PATCH', `/v1/api-keys/${apiKey.id}`, body)).status).toBe(status)
    expect((await root('GET', `/v1/api-keys/${apiKey.id}`)).body).toMatchObject(apiKey)
  })

  test.each([
    ['rotate', { overlapSeconds: -1 }],
    ['rotate', { overlapSeconds: 1.5 }],
    ['rotate', { overlapSeconds: 1e9 }],
    ['rotate', { overlapSeconds: 31 * 86_400 }],
    ['rotate', { environment: 'test' }],
    ['rotate', { organizationId: 'org_1' }],
    ['rotate', { version: 7 }],
    ['disable', { dryrun: true }],
    ['versions/%00/end', {}],
    ['versions/-1/end', {}],
    ['versions/1e3/end', {}],
  ])('%s with %j is refused as malformed', async (verb, body) => {
    const { apiKey } = await create()
    expect((await root('POST', `/v1/api-keys/${apiKey.id}/${verb}`, body)).status).toBe(400)
    expect((await root('GET', `/v1/api-keys/${apiKey.id}`)).body).toMatchObject({ version: 1, status: 'usable' })
  })
})
