import { beforeAll, describe, expect, test } from 'vitest'
import { type AdminCall, adminClient } from '../support/admin-client.ts'
import { issuer, startTestService, type TestService } from '../support/service.ts'

let service: TestService
let admin: AdminCall
let member: AdminCall
let root: AdminCall
let own: string

beforeAll(async () => {
  service = await startTestService()
  own = await service.createOrganization('own')
  const adminKey = await service.createKey({
    organizationId: own,
    roles: ['admin'],
    scopes: ['orders:read'],
    audiences: ['https://a.example'],
  })
  const memberKey = await service.createKey({ organizationId: own, scopes: ['orders:read'] })
  admin = adminClient(service, adminKey.secret)
  member = adminClient(service, memberKey.secret)
  root = adminClient(service, service.rootKey)
})

describe('A71: nobody rises', () => {
  test.each<[string, object]>([
    ['a root key', { roles: ['root'] }],
    ['a root key beside an admin key', { roles: ['admin', 'root'] }],
    ['a scope that it does not hold', { scopes: ['orders:write'] }],
    ['a scope that begins like one of its own', { scopes: ['orders:read:all'] }],
    ['an audience that it does not hold', { audiences: ['https://b.example'] }],
  ])('an admin cannot create a key with %s', async (_, grant) => {
    const answer = await admin('POST', '/v1/api-keys', { name: 'x', ...grant })
    expect(answer.status).toBe(403)
    expect(answer.body).toMatchObject({ code: 'permission_denied' })
  })

  test('an admin can hand on what it holds, and root anything', async () => {
    const held = { scopes: ['orders:read'], audiences: ['https://a.example', `${issuer}/api`, issuer], roles: ['admin'] }
    expect((await admin('POST', '/v1/api-keys', { name: 'x', ...held })).status).toBe(201)
    const anything = { scopes: ['anything'], audiences: ['https://anywhere.example'], roles: ['root'] }
    expect((await root('POST', '/v1/api-keys', { name: 'x', ...anything })).status).toBe(201)
  })

  test('an admin cannot do what belongs to the service', async () => {
    expect((await admin('POST', '/v1/organizations', { name: 'x' })).status).toBe(403)
    expect((await admin('GET', '/v1/signing-keys')).status).toBe(403)
    expect((await admin('POST', '/v1/signing-keys/rotate')).status).toBe(403)
    for (const kind of ['token', 'signing_key', 'all']) {
      expect((await admin('POST', '/v1/revocations', { kind, value: '*' })).status).toBe(403)
    }
  })

  test('a key without a role can only ask who it is', async () => {
    expect((await member('GET', '/v1/me')).status).toBe(200)
    for (const path of ['/v1/api-keys', '/v1/organizations', '/v1/signing-keys', '/v1/revocations', '/v1/audit-events']) {
      expect((await member('GET', path)).status, path).toBe(403)
    }
    expect((await member('POST', '/v1/api-keys', { name: 'x' })).status).toBe(403)
  })

  test('a test key holds no role, so that trying things out reaches nothing live', async () => {
    expect((await root('POST', '/v1/api-keys', { name: 'x', environment: 'test', roles: ['admin'] })).status).toBe(400)
  })
})

describe('A72, A73: nobody writes what is not theirs to write', () => {
  test.each([
    'id',
    'orgId',
    'organization_id',
    'userId',
    'role',
    'rateLimit',
    'keyHash',
    'hash',
    'secret',
    'isAdmin',
    'createdBy',
    'createdAt',
    'revokedAt',
    'disabledAt',
    'status',
    'version',
    'actor',
    'within',
    'system',
    'constructor',
  ])('a new key with the member %s is refused', async (member) => {
    expect((await root('POST', '/v1/api-keys', { name: 'x', [member]: 'x' })).status).toBe(400)
  })

  test('the identity in the audit trail is the caller’s, whatever headers claim', async () => {
    const { id, secret } = await service.createKey({ organizationId: own, roles: ['admin'] })
    await service.request('/v1/api-keys', {
      method: 'POST',
      headers: {
        'X-API-Key': secret,
        'Content-Type': 'application/json',
        'X-Client-Id': 'system',
        'X-Organization-Id': service.organizationId,
        'X-Forwarded-For': '203.0.113.9',
        'User-Agent': 'a'.repeat(5000),
      },
      body: '{"name":"who"}',
    })
    const { items } = (await root('GET', '/v1/audit-events?limit=1')).body as { items: Record<string, unknown>[] }
    expect(items[0]).toMatchObject({ type: 'api_key.created', actor: id, organizationId: own, address: null, agent: 'a'.repeat(256) })
  })
})
