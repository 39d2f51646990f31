import { beforeAll, describe, expect, test } from 'vitest'
import { type AdminCall, adminClient, adminClientWith } from '../../support/admin-client.ts'
import { databaseKinds } from '../../support/databases.ts'
import { type KeyOptions, startTestService, type TestService } from '../../support/test-service.ts'

describe.each(databaseKinds)('roles on %s', (kind) => {
  let service: TestService
  let root: AdminCall
  let admin: AdminCall
  let organizationId: string

  beforeAll(async () => {
    service = await startTestService(kind)
    root = adminClient(service, service.rootKey)
    organizationId = await service.createOrganization('own')
    admin = await callerWith({ roles: ['admin'] })
    await service.createKey({ organizationId, roles: ['admin'] })
  })

  const callerWith = (key: KeyOptions) => adminClientWith(service, { organizationId, ...key })
  const member = async (key: KeyOptions = {}) => (await service.createKey({ organizationId, ...key })).id
  const assign = (caller: AdminCall, id: string, roles: unknown) =>
    caller('POST', `/v1/members/${id}/assign-roles`, { roles })

  describe('that are custom', () => {
    test('give their members the listed permissions, and a change applies at once', async () => {
      const permissions = ['organizations.read:organization', 'api_keys.read:own', 'api_keys.read:organization']
      const created = await admin('POST', '/v1/roles', { name: 'key_reader', permissions })
      expect([created.status, created.headers.get('etag')]).toEqual([201, '"1"'])
      expect(created.body).toMatchObject({
        organizationId,
        builtIn: false,
        permissions: ['api_keys.read:organization', 'organizations.read:organization'],
      })
      const reader = await callerWith({ roles: ['key_reader'] })
      expect((await reader('GET', '/v1/api-keys')).status).toBe(200)
      expect((await reader('GET', '/v1/audit-events')).status).toBe(403)
      const updated = await admin(
        'PATCH',
        '/v1/roles/key_reader',
        { permissions: ['audit_events.read:own'] },
        { 'If-Match': '"1"' },
      )
      expect(updated.body).toMatchObject({ permissions: ['audit_events.read:own'], revision: 2 })
      expect((await reader('GET', '/v1/api-keys')).status).toBe(403)
      expect((await reader('GET', '/v1/audit-events')).status).toBe(200)
      expect((await admin('PATCH', '/v1/roles/key_reader', { permissions }, { 'If-Match': '"1"' })).status).toBe(412)
    })

    test('do not apply in another organization', async () => {
      await admin('POST', '/v1/roles', { name: 'local', permissions: ['api_keys.read:organization'] })
      const elsewhere = await service.createOrganization('elsewhere')
      const stranger = await callerWith({ organizationId: elsewhere, roles: ['local'] })
      expect((await stranger('GET', '/v1/api-keys')).status).toBe(403)
      const theirAdmin = await callerWith({ organizationId: elsewhere, roles: ['admin'] })
      expect((await theirAdmin('GET', '/v1/roles/local')).status).toBe(404)
      expect((await theirAdmin('GET', `/v1/roles/local?organizationId=${organizationId}`)).status).toBe(404)
      expect((await theirAdmin('DELETE', `/v1/roles/local?organizationId=${organizationId}`)).status).toBe(404)
      expect((await theirAdmin('PATCH', '/v1/roles/local', { permissions: ['api_keys.read:own'] })).status).toBe(404)
      expect((await root('GET', `/v1/roles/local?organizationId=${organizationId}`)).status).toBe(200)
      expect(
        (await theirAdmin('POST', '/v1/roles', { name: 'local', permissions: ['api_keys.read:own'] })).status,
      ).toBe(201)
    })

    test.each([
      ['that reaches the whole service', ['api_keys.read:all']],
      ['that only the service has', ['signing_keys.rotate:all']],
      ['that only the service has, with a smaller reach', ['signing_keys.rotate:organization']],
      ['that reaches own things where nothing has an owner', ['roles.change:own']],
      ['that does not exist', ['api_keys.steal:own']],
      ['without a reach', ['api_keys.read']],
      ['with extra text', ['api_keys.read:own:all']],
      ['by the name of an object member', ['constructor:own']],
    ])('cannot contain a permission %s', async (_, permissions) => {
      const answer = await root('POST', '/v1/roles', { name: 'strange', permissions })
      expect([answer.status, answer.body.code]).toEqual([400, 'invalid_request'])
    })

    test.each(['', 'ab', 'Reader', 'a-b-c', '1abc', '__proto__', 'a'.repeat(51)])(
      'cannot have the name %j',
      async (name) => {
        expect((await admin('POST', '/v1/roles', { name, permissions: ['api_keys.read:own'] })).status).toBe(400)
      },
    )

    test('cannot have the name of a built-in role or of another custom role', async () => {
      const permissions = ['api_keys.read:own']
      for (const name of ['root', 'admin', 'read_only']) {
        expect((await admin('POST', '/v1/roles', { name, permissions })).body).toMatchObject({
          status: 409,
          member: 'name',
        })
        expect((await admin('PATCH', `/v1/roles/${name}`, { permissions })).status).toBe(409)
        expect((await admin('DELETE', `/v1/roles/${name}`)).status).toBe(409)
      }
      const answers = await Promise.all(
        Array.from({ length: 5 }, () => admin('POST', '/v1/roles', { name: 'only', permissions })),
      )
      expect(answers.map(({ status }) => status).sort()).toEqual([201, 409, 409, 409, 409])
    })

    test('A71: contain only permissions that their creator has', async () => {
      await admin('POST', '/v1/roles', {
        name: 'role_maker',
        permissions: ['roles.read:organization', 'roles.change:organization', 'api_keys.read:own'],
      })
      const maker = await callerWith({ roles: ['role_maker'] })
      const make = (name: string, ...permissions: string[]) => maker('POST', '/v1/roles', { name, permissions })
      expect((await make('reader', 'api_keys.read:own')).status).toBe(201)
      expect((await make('wider', 'api_keys.read:organization')).status).toBe(403)
      expect((await make('other', 'api_keys.revoke:own')).status).toBe(403)
      expect((await maker('PATCH', '/v1/roles/reader', { permissions: ['api_keys.read:organization'] })).status).toBe(
        403,
      )
      await admin('POST', '/v1/roles', { name: 'beyond', permissions: ['api_keys.revoke:organization'] })
      expect((await maker('PATCH', '/v1/roles/beyond', { permissions: ['api_keys.read:own'] })).status).toBe(403)
      expect((await maker('DELETE', '/v1/roles/beyond')).status).toBe(403)
      expect(
        (
          await maker('PATCH', '/v1/roles/role_maker', {
            permissions: ['api_keys.read:own', 'members.assign_roles:organization'],
          })
        ).status,
      ).toBe(403)
    })

    test('can be deleted once no member has them', async () => {
      await admin('POST', '/v1/roles', { name: 'passing', permissions: ['api_keys.read:own'] })
      const id = await member({ roles: ['passing'] })
      const refused = await admin('DELETE', '/v1/roles/passing')
      expect([refused.status, refused.body.detail]).toEqual([
        409,
        '1 member holds the role. Remove it from all members first.',
      ])
      await assign(admin, id, [])
      expect((await admin('DELETE', '/v1/roles/passing')).status).toBe(204)
      expect((await admin('GET', '/v1/roles/passing')).status).toBe(404)
    })

    test('cannot be granted and deleted at the same time', async () => {
      for (let round = 0; round < 5; round += 1) {
        await admin('POST', '/v1/roles', { name: 'fleeting', permissions: ['api_keys.read:own'] })
        const id = await member()
        const [granted, deleted] = await Promise.all([
          assign(admin, id, ['fleeting']),
          admin('DELETE', '/v1/roles/fleeting'),
        ])
        expect([
          [200, 409],
          [400, 204],
        ]).toContainEqual([granted.status, deleted.status])
        await assign(admin, id, [])
        await admin('DELETE', '/v1/roles/fleeting')
      }
    })
  })

  test('are listed, the built-in ones first', async () => {
    const { body } = await admin('GET', '/v1/roles')
    const names = (body.items as { name: string }[]).map(({ name }) => name)
    expect(names.slice(0, 6)).toEqual(['root', 'admin', 'developer', 'write_agent', 'ci_service', 'read_only'])
    expect((await admin('GET', '/v1/roles/developer')).body).toMatchObject({ builtIn: true, organizationId: null })
  })

  describe('of members', () => {
    test('replace the previous roles, and apply at once', async () => {
      const { id, secret } = await service.createKey({ organizationId })
      const caller = adminClient(service, secret)
      expect((await caller('GET', '/v1/api-keys')).status).toBe(403)
      const assigned = await assign(admin, id, ['read_only', 'read_only'])
      expect(assigned.body).toMatchObject({ id, kind: 'api_key', roles: ['read_only'], revision: 2 })
      expect((await caller('GET', '/v1/api-keys')).status).toBe(200)
      expect((await admin('GET', `/v1/members/${id}`)).body).toEqual(assigned.body)
      expect((await admin('GET', `/v1/api-keys/${id}`)).body).toMatchObject({ roles: ['read_only'] })
      const { body } = await admin('GET', '/v1/audit-events?limit=1')
      expect(body.items).toMatchObject([
        { type: 'member.roles_assigned', subject: id, context: { roles: ['read_only'], former: [] } },
      ])
    })

    test('are listed with them: service accounts, then keys, page by page', async () => {
      const { body: account } = await admin('POST', '/v1/service-accounts', { name: 'a member', roles: ['developer'] })
      const plain = await member()
      const seen: string[] = []
      let cursor: string | null = ''
      while (cursor !== null) {
        const { body }: { body: Record<string, unknown> } = await admin(
          'GET',
          `/v1/members?limit=2${cursor && `&cursor=${cursor}`}`,
        )
        seen.push(...(body.items as { id: string }[]).map(({ id }) => id))
        cursor = body.nextCursor as string | null
      }
      expect(seen).toContain(account.id)
      expect(seen).not.toContain(plain)
      expect(seen).toEqual([...new Set(seen)].sort().reverse())
    })

    test('A71: cannot be granted or removed by a caller without their permissions, not even from itself', async () => {
      const id = await member()
      expect((await assign(admin, id, ['root'])).status).toBe(403)
      expect((await assign(admin, id, ['admin', 'root'])).status).toBe(403)
      const rootHere = await member({ roles: ['root'] })
      expect((await assign(admin, rootHere, [])).status).toBe(403)
      const developer = await service.createKey({ organizationId, roles: ['developer'] })
      expect((await assign(adminClient(service, developer.secret), developer.id, ['admin'])).status).toBe(403)
    })

    test.each([
      ['an unknown role', {}, ['made_up']],
      ['a role for a test key', { environment: 'test' } as const, ['read_only']],
      ['ci_service for a key that never expires', {}, ['ci_service']],
      ['something that is not a list', {}, 'admin'],
    ])('cannot be assigned: %s', async (_, key, roles) => {
      expect((await assign(admin, await member(key), roles)).status).toBe(400)
    })

    test('can include ci_service if the member expires', async () => {
      const id = await member({ expiresAt: new Date(service.clock.now().getTime() + 86_400_000) })
      expect((await assign(admin, id, ['ci_service'])).status).toBe(200)
    })

    test('that belong to a service account cannot exceed its roles', async () => {
      const { body } = await admin('POST', '/v1/service-accounts', { name: 'bounded', roles: ['developer'] })
      const id = await member({ serviceAccountId: String(body.id) })
      expect((await assign(admin, id, ['read_only'])).status).toBe(400)
      expect((await assign(admin, id, ['developer'])).status).toBe(200)
      expect((await assign(admin, String(body.id), ['read_only'])).body).toMatchObject({
        kind: 'service_account',
        roles: ['read_only'],
      })
    })

    test('A74: cannot be taken from the last administrator or the last root key', async () => {
      const alone = await service.createOrganization('alone')
      const { id } = await service.createKey({ organizationId: alone, roles: ['admin'] })
      const refused = await assign(root, id, ['developer'])
      expect([refused.status, refused.body.code]).toEqual([409, 'conflict'])
      const second = await service.createKey({ organizationId: alone, roles: ['admin'] })
      const both = await Promise.all([assign(root, id, []), assign(root, second.id, [])])
      expect(both.map(({ status }) => status).sort()).toEqual([200, 409])
    })

    test('that are revoked or of another organization are not found', async () => {
      const revoked = await member({ revokedAt: service.clock.now() })
      const theirs = (await service.createKey()).id
      for (const id of [revoked, theirs, 'key_missing']) {
        expect((await admin('GET', `/v1/members/${id}`)).status).toBe(404)
        expect((await assign(admin, id, [])).status).toBe(404)
      }
    })
  })

  describe('with reach own', () => {
    test('a developer reads and revokes the keys that it created and those of its service account, and no others', async () => {
      const { body: account } = await admin('POST', '/v1/service-accounts', { name: 'reach', roles: ['developer'] })
      const serviceAccountId = String(account.id)
      const { id: clientId, secret } = await service.createKey({
        organizationId,
        serviceAccountId,
        roles: ['developer'],
      })
      const developer = adminClient(service, secret)
      const made = await member({ createdBy: clientId })
      const shared = await member({ serviceAccountId })
      const foreign = await member()
      const elsewhere = (await service.createKey({ createdBy: clientId })).id
      for (const id of [made, shared, clientId]) expect((await developer('GET', `/v1/api-keys/${id}`)).status).toBe(200)
      for (const id of [foreign, elsewhere, 'key_missing']) {
        expect((await developer('GET', `/v1/api-keys/${id}`)).status).toBe(404)
        expect((await developer('POST', `/v1/api-keys/${id}/revoke`)).status).toBe(404)
      }
      const { body } = await developer('GET', '/v1/api-keys?limit=200')
      expect((body.items as { id: string }[]).map(({ id }) => id).sort()).toEqual([made, shared, clientId].sort())
      expect((await developer('POST', `/v1/api-keys/${made}/revoke`)).status).toBe(204)
    })

    test('a developer creates its own keys, with no more than it has itself', async () => {
      const { id: clientId, secret } = await service.createKey({
        organizationId,
        roles: ['developer'],
        scopes: ['orders:*'],
      })
      const developer = adminClient(service, secret)
      const created = await developer('POST', '/v1/api-keys', { name: 'mine', scopes: ['orders:read'] })
      expect(created.status).toBe(201)
      expect(created.body.apiKey).toMatchObject({ organizationId, createdBy: clientId, scopes: ['orders:read'] })
      expect((await developer('POST', '/v1/api-keys', { name: 'mine', scopes: ['*'] })).status).toBe(403)
      expect((await developer('POST', '/v1/api-keys', { name: 'mine', roles: ['admin'] })).status).toBe(403)
    })
  })
})
