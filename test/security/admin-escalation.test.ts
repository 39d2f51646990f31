import { beforeAll, describe, expect, test } from 'vitest'
import { type AdminCall, adminClient } from '../support/admin-client.ts'
import { adminRequests, intrudingMembers, pathOf } from '../support/admin-requests.ts'
import { readApiDocument } from '../support/api-document.ts'
import { createTenant } from '../support/tenant.ts'
import { issuer, startTestService, type TestService } from '../support/test-service.ts'

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

describe('A71: nobody can raise their own permissions', () => {
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

  test('an admin can grant what it has, and root anything', async () => {
    const held = {
      scopes: ['orders:read'],
      audiences: ['https://a.example', `${issuer}/api`, issuer],
      roles: ['admin'],
    }
    expect((await admin('POST', '/v1/api-keys', { name: 'x', ...held })).status).toBe(201)
    const anything = { scopes: ['anything'], audiences: ['https://anywhere.example'], roles: ['root'] }
    expect((await root('POST', '/v1/api-keys', { name: 'x', ...anything })).status).toBe(201)
  })

  test('an admin cannot do what only the service may do', async () => {
    expect((await admin('POST', '/v1/organizations', { name: 'x' })).status).toBe(403)
    expect((await admin('GET', '/v1/signing-keys')).status).toBe(403)
    expect((await admin('POST', '/v1/signing-keys/rotate')).status).toBe(403)
    for (const kind of ['token', 'signing_key', 'all']) {
      expect((await admin('POST', '/v1/revocations', { kind, value: '*' })).status).toBe(403)
    }
  })

  test('a key without a role can only show itself', async () => {
    expect((await member('GET', '/v1/me')).status).toBe(200)
    for (const path of [
      '/v1/api-keys',
      '/v1/organizations',
      '/v1/signing-keys',
      '/v1/revocations',
      '/v1/audit-events',
    ]) {
      expect((await member('GET', path)).status, path).toBe(403)
    }
    expect((await member('POST', '/v1/api-keys', { name: 'x' })).status).toBe(403)
  })

  test('a test key has no role, so that it cannot reach live data', async () => {
    expect((await root('POST', '/v1/api-keys', { name: 'x', environment: 'test', roles: ['admin'] })).status).toBe(400)
  })
})

describe('A72, A73: nobody can write what is not theirs', () => {
  test.each(intrudingMembers)('a new key with the member %s is refused', async (member) => {
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
    expect(items[0]).toMatchObject({
      type: 'api_key.created',
      actor: id,
      organizationId: own,
      address: null,
      agent: 'a'.repeat(256),
    })
  })
})

describe('A71: no route gives a caller more permissions', async () => {
  const { operations, resolve } = await readApiDocument(await startTestService())
  const rises: Record<string, unknown> = {
    roles: ['root'],
    scopes: ['orders:write'],
    audiences: ['https://b.example'],
    permissions: ['signing_keys.rotate:all'],
  }
  const doors = operations.flatMap((operation) =>
    Object.keys(rises).flatMap((member) =>
      resolve(operation.body)?.properties?.[member] ? [{ ...operation, member }] : [],
    ),
  )

  test('some members grant something', () => {
    expect(new Set(doors.map(({ operationId }) => operationId)).size).toBeGreaterThan(6)
  })

  test.each(doors)(
    '$name refuses a $member that the caller does not have',
    async ({ operationId, method, path, member }) => {
      const request = await adminRequests[operationId]?.(await createTenant(service, own))
      if (!request) throw new Error(`${operationId} needs an example in support/admin-requests.ts`)
      const answer = await admin(method, pathOf(path, request), { ...request.body, [member]: rises[member] })
      expect(member === 'permissions' ? [400, 403] : [403], answer.text).toContain(answer.status)
    },
  )

  test('a row of an import cannot contain a role, a scope or an audience that the caller does not have', async () => {
    for (const [member, value] of Object.entries(rises).slice(0, 3)) {
      const hash = Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString('hex')
      const answer = await admin('POST', '/v1/api-keys/import', { rows: [{ name: 'x', hash, [member]: value }] })
      expect(answer.status === 403 || answer.body.created === 0, answer.text).toBe(true)
    }
  })

  test('a caller who may change a key cannot get the secret of a more powerful one', async () => {
    const developer = await service.createKey({ organizationId: own, roles: ['developer'] })
    const stronger = await service.createKey({ organizationId: own, roles: ['admin'], createdBy: developer.id })
    const call = adminClient(service, developer.secret)
    expect((await call('POST', `/v1/api-keys/${stronger.id}/rotate`, {})).status).toBe(403)
    expect((await root('GET', `/v1/api-keys/${stronger.id}`)).body).toMatchObject({ version: 1, revision: 1 })
  })
})

describe('A46: search text is never a pattern', () => {
  test.each(['%', '_', '\\', '%%', 'a_c', '50\\%', '*', '.*'])('%s finds only what contains it', async (text) => {
    const organizationId = await service.createOrganization()
    for (const name of [`before ${text} after`, 'abc', '50 x', 'percent']) {
      expect((await root('POST', '/v1/api-keys', { name, organizationId, labels: [name] })).status).toBe(201)
    }
    const found = async (filter: string) =>
      (
        (await root('GET', `/v1/api-keys?organizationId=${organizationId}&${filter}`)).body as {
          items: { name: string }[]
        }
      ).items
    expect((await found(`name=${encodeURIComponent(text)}`)).map(({ name }) => name)).toEqual([`before ${text} after`])
    expect(await found(`label=${encodeURIComponent(text)}`)).toEqual([])
  })
})
