import { beforeAll, describe, expect, test } from 'vitest'
import { type AdminCall, adminClient } from '../../support/admin-client.ts'
import { databaseKinds } from '../../support/databases.ts'
import { exchange, tryExchange } from '../../support/oauth-requests.ts'
import { startTestService, type TestService } from '../../support/test-service.ts'

describe.each(databaseKinds)('the admin API on %s', (kind) => {
  let service: TestService
  let root: AdminCall
  beforeAll(async () => {
    service = await startTestService(kind)
    root = adminClient(service, service.rootKey)
  })

  test('a key can be created, shown, listed and revoked, and its secret appears only once', async () => {
    const created = await root('POST', '/v1/api-keys', {
      name: 'orders',
      scopes: ['orders:read'],
      expiresAt: '2030-01-01T01:00:00+01:00',
    })
    expect(created.status).toBe(201)
    expect(created.headers.get('cache-control')).toBe('no-store')
    const { apiKey, secret } = created.body
    expect(secret).toMatch(/^mk_live_[0-9A-Za-z]{49}$/)
    expect(apiKey).toMatchObject({
      name: 'orders',
      environment: 'live',
      status: 'usable',
      expiresAt: '2030-01-01T00:00:00.000Z',
      createdAt: service.clock.now().toISOString(),
      revokedAt: null,
    })
    const { id } = apiKey as { id: string }
    const shown = await root('GET', `/v1/api-keys/${id}`)
    expect(shown.body).toEqual({ ...Object(apiKey), usage: [] })
    const listed = await root('GET', '/v1/api-keys?limit=1')
    expect(listed.body).toEqual({ items: [apiKey], nextCursor: `api-keys.${id}` })
    expect((await root('POST', `/v1/api-keys/${id}/revoke`, { reason: 'leaked' })).status).toBe(204)
    expect((await root('POST', `/v1/api-keys/${id}/revoke`)).status).toBe(204)
    expect((await root('GET', `/v1/api-keys/${id}`)).body).toMatchObject({
      status: 'revoked',
      revocationReason: 'leaked',
    })
    const audit = await root('GET', '/v1/audit-events?limit=200')
    expect(shown.text + listed.text + audit.text).not.toContain(String(secret).slice(8, 30))
  })

  test('revoking a key revokes its tokens', async () => {
    const created = await root('POST', '/v1/api-keys', { name: 'short-lived' })
    const { apiKey, secret } = created.body as { apiKey: { id: string }; secret: string }
    const { access_token: token } = await exchange(service, secret)
    await root('POST', `/v1/api-keys/${apiKey.id}/revoke`)
    expect((await tryExchange(service, secret)).status).toBe(401)
    await expect(
      Promise.resolve(service.services.verifier.verify(token)).then((verdict) => verdict),
    ).rejects.toMatchObject({
      reason: 'revoked',
    })
  })

  test('root can create and see organizations', async () => {
    const created = await root('POST', '/v1/organizations', { name: 'Acme', plan: 'pro' })
    expect(created.status).toBe(201)
    expect(created.body).toMatchObject({ name: 'Acme', plan: 'pro', suspendedAt: null })
    expect((await root('GET', `/v1/organizations/${String(created.body.id)}`)).body).toEqual(created.body)
    expect((await root('GET', '/v1/organizations?limit=1')).body).toMatchObject({ items: [created.body] })
    const key = await root('POST', '/v1/api-keys', { name: 'theirs', organizationId: created.body.id })
    expect(key.body.apiKey).toMatchObject({ organizationId: created.body.id })
  })

  test('signing keys can be listed, and rotated only when that is safe', async () => {
    const listed = await root('GET', '/v1/signing-keys')
    expect(listed.status).toBe(200)
    expect(listed.text).not.toContain('"d"')
    expect(listed.text).not.toContain('sealed')
    const early = await root('POST', '/v1/signing-keys/rotate')
    expect(early.status).toBe(409)
    expect(early.body).toMatchObject({ code: 'too_early', safeAt: expect.any(String) })
    expect((await root('POST', '/v1/signing-keys/rotate', { purpose: 'token', force: true })).status).toBe(200)
  })

  describe('revocation rules', () => {
    test('revoke what they name, are listed, and can be lifted', async () => {
      const { secret } = await service.createKey({ subject: 'alice' })
      const { access_token: token } = await exchange(service, secret)
      const verify = async () => await service.services.verifier.verify(token)
      expect(await verify()).toMatchObject({ subject: 'alice' })
      const value = `${service.organizationId} alice`
      const created = await root('POST', '/v1/revocations', { kind: 'subject', value, reason: 'employee_left' })
      expect(created.status).toBe(201)
      expect(created.body).toMatchObject({
        kind: 'subject',
        value,
        reason: 'employee_left',
        organizationId: service.organizationId,
        liftedAt: null,
      })
      await expect(verify()).rejects.toMatchObject({ reason: 'revoked' })
      expect((await root('GET', '/v1/revocations?limit=1')).body).toMatchObject({ items: [created.body] })
      expect((await root('POST', `/v1/revocations/${String(created.body.id)}/lift`)).status).toBe(204)
      expect((await root('POST', `/v1/revocations/${String(created.body.id)}/lift`)).status).toBe(204)
      expect(await verify()).toMatchObject({ subject: 'alice' })
    })

    test('of a revoked key cannot be lifted', async () => {
      const { id } = await service.createKey()
      await root('POST', `/v1/api-keys/${id}/revoke`)
      const { body } = await root('GET', '/v1/revocations?limit=1')
      const [rule] = body.items as { id: string; value: string }[]
      expect(rule?.value).toBe(id)
      expect((await root('POST', `/v1/revocations/${rule?.id}/lift`)).status).toBe(409)
    })

    test('on the active signing key are refused, and on an earlier one accepted', async () => {
      service.clock.advance(60)
      await root('POST', '/v1/signing-keys/rotate', { force: true })
      type Key = { kid: string; purpose: string; state: string }
      const keys = (await root('GET', '/v1/signing-keys')).body.items as Key[]
      const kidOf = (state: string) => keys.find((key) => key.purpose === 'token' && key.state === state)?.kid
      const revoke = (value: string | undefined) => root('POST', '/v1/revocations', { kind: 'signing_key', value })
      expect((await revoke(kidOf('active'))).status).toBe(409)
      expect((await revoke(kidOf('pending'))).status).toBe(409)
      expect((await revoke('no-such-kid')).status).toBe(404)
      const retiring = await revoke(kidOf('retiring'))
      expect(retiring.status).toBe(201)
      expect(retiring.body).toMatchObject({ expiresAt: null, issuedBefore: null })
      expect((await root('POST', `/v1/revocations/${String(retiring.body.id)}/lift`)).status).toBe(409)
    })

    test('on all tokens can only be created by root, and expire by themselves', async () => {
      const { secret } = await service.createKey({ roles: ['admin'] })
      const rule = { kind: 'all', value: '*' }
      expect((await adminClient(service, secret)('POST', '/v1/revocations', rule)).status).toBe(403)
      const created = await root('POST', '/v1/revocations', rule)
      expect(created.body).toMatchObject({
        issuedBefore: service.clock.now().toISOString(),
        expiresAt: expect.any(String),
      })
    })
  })

  describe('a body', () => {
    const name = 'x'
    test.each<[string, unknown, number]>([
      ['that is not JSON', '{"name":', 400],
      ['that is a list', [], 400],
      ['that is null', null, 400],
      ['without the name', {}, 400],
      ['with an empty name', { name: '' }, 400],
      ['with a name of 101 characters', { name: 'n'.repeat(101) }, 400],
      ['with a NUL in the name', { name: 'a\0b' }, 400],
      ['with a line break in the name', { name: 'a\nb' }, 400],
      ['with half a surrogate pair in the name', '{"name":"a\\ud800"}', 400],
      ['with a name that is a number', { name: 1 }, 400],
      ['with an unknown member', { name, isAdmin: true }, 400],
      ['with a prototype', '{"name":"x","__proto__":{"roles":["root"]}}', 400],
      ['with a custom environment', { name, environment: 'prod' }, 400],
      ['with a space in a scope', { name, scopes: ['a b'] }, 400],
      ['with a NUL in a scope', { name, scopes: ['a\0'] }, 400],
      ['with 101 scopes', { name, scopes: Array.from({ length: 101 }, (_, index) => `s${index}`) }, 400],
      ['with an unknown role', { name, roles: ['owner'] }, 400],
      ['with a subject like one of our ids', { name, subject: 'key_1' }, 400],
      ['with an expiry in the past', { name, expiresAt: '2020-01-01T00:00:00Z' }, 400],
      ['with an expiry that is not a date', { name, expiresAt: '2027-02-30T00:00:00Z' }, 400],
      ['with an expiry in the year 10000', { name, expiresAt: '9999-12-31T23:59:59-23:00' }, 400],
      ['with an expiry without a zone', { name, expiresAt: '2030-01-01T00:00:00' }, 400],
      ['with an unsupported token algorithm', { name, tokenAlgorithm: 'HS256' }, 400],
      ['with a token algorithm without a signing key', { name, tokenAlgorithm: 'RS256' }, 409],
      ['with an unknown organization', { name, organizationId: 'org_missing' }, 404],
      ['of 49 KB', { name: 'n'.repeat(49_200) }, 413],
    ])('with %s is refused with an explanation', async (_, body, status) => {
      const answer = await root('POST', '/v1/api-keys', body)
      expect(answer.status).toBe(status)
      expect(answer.headers.get('content-type')).toBe('application/problem+json')
      expect(answer.body).toMatchObject({ status, detail: expect.any(String), title: expect.any(String) })
    })

    test('names the wrong member and does not repeat what was sent', async () => {
      const answer = await root('POST', '/v1/api-keys', { name: 'n'.repeat(101), '<script>': 1, environment: '<b>' })
      expect(answer.body.errors).toEqual([
        expect.objectContaining({ path: 'name' }),
        expect.objectContaining({ path: 'environment' }),
        { path: '', message: 'has an unknown member: remove it or correct its name' },
      ])
      expect(answer.text).not.toMatch(/script|<b>|nnn/)
    })

    test.each([
      ['a form', { 'Content-Type': 'application/x-www-form-urlencoded' }],
      ['plain text', { 'Content-Type': 'text/plain' }],
      ['JSON in a coding', { 'Content-Type': 'application/json', 'Content-Encoding': 'gzip' }],
    ])('that is %s is refused', async (_, headers) => {
      const response = await service.request('/v1/api-keys', {
        method: 'POST',
        headers: { 'X-API-Key': service.rootKey, ...headers },
        body: '{"name":"x"}',
      })
      expect(response.status).toBe(415)
    })

    test('that arrives in chunks is limited too', async () => {
      const chunk = new TextEncoder().encode('{"name":"'.padEnd(1024))
      let sent = 0
      const body = new ReadableStream<Uint8Array>({
        pull(controller) {
          sent += 1
          controller.enqueue(chunk)
        },
      })
      const init = {
        method: 'POST',
        headers: { 'X-API-Key': service.rootKey, 'Content-Type': 'application/json' },
        body,
        duplex: 'half',
      }
      const response = await service.request('/v1/api-keys', init as RequestInit)
      expect(response.status).toBe(413)
      expect(sent).toBeLessThan(60)
    })
  })

  describe('a query', () => {
    test.each([
      '/v1/api-keys?limit=0',
      '/v1/api-keys?limit=201',
      '/v1/api-keys?limit=-1',
      '/v1/api-keys?limit=1e2',
      '/v1/api-keys?limit=1&limit=2',
      '/v1/api-keys?cursor=',
      '/v1/api-keys?cursor=%00',
      `/v1/api-keys?cursor=${'c'.repeat(200)}`,
      '/v1/api-keys?sort=name;drop',
      '/v1/api-keys?organisation=org_1',
      '/v1/api-keys?name=%00',
      '/v1/api-keys?status=fine',
      '/v1/api-keys?createdAfter=yesterday',
      '/v1/api-keys?label=',
      '/v1/audit-events?cursor=abc',
      '/v1/api-keys/%00',
      `/v1/api-keys/${'k'.repeat(200)}`,
      '/v1/api-keys/%27%20or%201%3D1',
    ])('%s is refused as malformed', async (path) => {
      expect((await root('GET', path)).status).toBe(400)
    })

    test.each(['%25', '_', '%27or%271', '%5C', '%E0%A4%A', 'key_1'])(
      '%s is a valid id that does not exist',
      async (id) => {
        expect((await root('GET', `/v1/api-keys/${id}`)).status).toBe(404)
      },
    )
  })

  test.each([
    ['DELETE', '/v1/api-keys', 'GET, POST'],
    ['PUT', '/v1/api-keys/key_1', 'DELETE, GET, PATCH'],
    ['GET', '/v1/api-keys/key_1/revoke', 'POST'],
  ])('%s %s is refused, and the answer lists the allowed methods', async (method, path, allow) => {
    const response = await service.request(path, { method, headers: { 'X-API-Key': service.rootKey } })
    expect(response.status).toBe(405)
    expect([...new Set(response.headers.get('allow')?.split(', '))].sort().join(', ')).toBe(allow)
  })

  test('an unknown path gives a problem document, not a page', async () => {
    const answer = await root('GET', '/v1/nothing')
    expect(answer.status).toBe(404)
    expect(answer.headers.get('content-type')).toBe('application/problem+json')
  })
})
