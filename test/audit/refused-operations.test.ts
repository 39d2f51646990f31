import { describe, expect, test } from 'vitest'
import { newId } from '../../src/crypto/random.ts'
import { type AdminCall, type AdminMethod, adminClient } from '../support/admin-client.ts'
import { databaseKinds } from '../support/databases.ts'
import { startTestService } from '../support/test-service.ts'

describe.each(databaseKinds)('the place of a refused operation in the audit trail, on %s', async (kind) => {
  const service = await startTestService(kind)
  const root = adminClient(service, service.rootKey)

  /** An organization with one administrator and a dead key. */
  async function tenant() {
    const organizationId = await service.createOrganization()
    const { id: adminId, secret } = await service.createKey({ organizationId, roles: ['admin'] })
    const { id: deadId } = await service.createKey({ organizationId, revokedAt: service.clock.now() })
    return { organizationId, adminId, deadId, admin: adminClient(service, secret) }
  }
  type Tenant = Awaited<ReturnType<typeof tenant>>

  async function lastRefusal(client: AdminCall, query = ''): Promise<unknown> {
    const { body } = await client('GET', `/v1/audit-events?type=operation.refused&limit=1${query}`)
    return Array.isArray(body.items) ? body.items[0] : undefined
  }

  test.each<[string, AdminMethod, (tenant: Tenant) => { path: string; body?: object; subject: string | null }]>([
    [
      'a dead API key',
      'PATCH',
      ({ deadId }) => ({ path: `/v1/api-keys/${deadId}`, body: { name: 'x' }, subject: deadId }),
    ],
    ['its last administrator', 'POST', ({ adminId }) => ({ path: `/v1/api-keys/${adminId}/revoke`, subject: adminId })],
    [
      'many of its keys',
      'POST',
      ({ organizationId }) => {
        return { path: '/v1/api-keys/revoke', body: { filter: { organizationId } }, subject: organizationId }
      },
    ],
    [
      'a role that it would create',
      'POST',
      ({ organizationId }) => {
        const role = { organizationId, name: 'admin', permissions: ['api_keys.read:own'] }
        return { path: '/v1/roles', body: role, subject: null }
      },
    ],
    [
      'a new API key',
      'POST',
      ({ organizationId }) => {
        return { path: '/v1/api-keys', body: { organizationId, name: 'x', tokenAlgorithm: 'RS256' }, subject: null }
      },
    ],
    [
      'the algorithm of its API key',
      'PATCH',
      ({ adminId }) => {
        return { path: `/v1/api-keys/${adminId}`, body: { tokenAlgorithm: 'RS256' }, subject: adminId }
      },
    ],
    [
      'a built-in role',
      'DELETE',
      ({ organizationId }) => ({ path: `/v1/roles/admin?organizationId=${organizationId}`, subject: null }),
    ],
  ])('an administrator finds what root was refused about %s', async (_, method, requestOf) => {
    const about = await tenant()
    const { path, body, subject } = requestOf(about)
    expect(await root(method, path, body)).toMatchObject({ status: 409 })
    const refusal = { organizationId: about.organizationId, subject, context: { code: 'conflict' } }
    expect(await lastRefusal(about.admin)).toMatchObject(refusal)
    expect(await lastRefusal(root, `&organizationId=${about.organizationId}`)).toMatchObject(refusal)
  })

  test('a refusal about the service or about something that does not exist belongs to no organization', async () => {
    const plan = await root('DELETE', '/v1/plans/free')
    expect(plan.status).toBe(409)
    expect(await lastRefusal(root)).toMatchObject({ organizationId: null, context: { code: 'conflict' } })
    const missing = newId('key')
    expect((await root('POST', `/v1/api-keys/${missing}/revoke`)).status).toBe(404)
    expect(await lastRefusal(root)).toMatchObject({ organizationId: null, subject: missing })
  })

  test('a caller of one organization finds its own refusals there, and cannot tell from them what exists elsewhere', async () => {
    const elsewhere = await tenant()
    const own = await tenant()
    for (const target of [elsewhere.adminId, newId('key')]) {
      service.clock.advance(60)
      expect((await own.admin('POST', `/v1/api-keys/${target}/disable`)).status).toBe(404)
      expect(await lastRefusal(own.admin)).toMatchObject({ organizationId: own.organizationId, subject: target })
    }
    expect((await own.admin('POST', `/v1/organizations/${elsewhere.organizationId}/suspend`)).status).toBe(403)
    expect(await lastRefusal(own.admin)).toMatchObject({
      organizationId: own.organizationId,
      subject: elsewhere.organizationId,
    })
    expect(await lastRefusal(elsewhere.admin)).toBeUndefined()
  })
})
