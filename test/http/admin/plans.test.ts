import { beforeAll, describe, expect, test } from 'vitest'
import { planOf } from '../../../src/organizations/queries.ts'
import { type AdminCall, adminClient, adminClientWith } from '../../support/admin-client.ts'
import { databaseKinds } from '../../support/databases.ts'
import { startTestService, type TestService } from '../../support/test-service.ts'

const limits = {
  requestsPerMinute: 20,
  requestsPerMonth: 5_000_000_000,
  apiKeys: 3,
  defaultOverlapSeconds: 60,
  maxOverlapSeconds: 600,
}

describe.each(databaseKinds)('plans on %s', (kind) => {
  let service: TestService
  let root: AdminCall

  beforeAll(async () => {
    service = await startTestService(kind)
    root = adminClient(service, service.rootKey)
  })

  const organizationOn = async (plan: string) =>
    String((await root('POST', '/v1/organizations', { name: 'On a plan', plan })).body.id)

  test('three plans are built in, with their limits', async () => {
    const { body } = await root('GET', '/v1/plans')
    expect(body.items).toMatchObject([
      { name: 'free', builtIn: true, requestsPerMinute: 10, requestsPerMonth: 1_000, apiKeys: 2 },
      { name: 'pro', builtIn: true, requestsPerMinute: 60, requestsPerMonth: 100_000, apiKeys: 10 },
      { name: 'enterprise', builtIn: true, requestsPerMinute: 300, requestsPerMonth: 1_000_000, apiKeys: 50 },
    ])
  })

  test('a custom plan limits its organizations, and a change applies at once', async () => {
    const created = await root('POST', '/v1/plans', { name: 'startup', ...limits })
    expect([created.status, created.headers.get('etag')]).toEqual([201, '"1"'])
    const id = await organizationOn('startup')
    expect(await planOf(service.services.db, id)).toEqual(limits)
    const updated = await root('PATCH', '/v1/plans/startup', { apiKeys: 4 }, { 'If-Match': '"1"' })
    expect(updated.body).toMatchObject({ ...limits, apiKeys: 4, revision: 2, builtIn: false })
    expect((await root('GET', `/v1/organizations/${id}`)).body).toMatchObject({
      plan: 'startup',
      limits: { ...limits, apiKeys: 4 },
    })
    expect((await root('PATCH', '/v1/plans/startup', { apiKeys: 5 }, { 'If-Match': '"1"' })).status).toBe(412)
    expect((await root('GET', '/v1/plans')).body.items).toHaveLength(4)
  })

  test('a custom plan can be deleted once no organization is on it', async () => {
    await root('POST', '/v1/plans', { name: 'trial', ...limits })
    const id = await organizationOn('trial')
    const refused = await root('DELETE', '/v1/plans/trial')
    expect([refused.status, refused.body.detail]).toEqual([
      409,
      'The plan is in use by 1 organization. Change their plan first.',
    ])
    await root('POST', `/v1/organizations/${id}/change-plan`, { plan: 'free' })
    expect((await root('DELETE', '/v1/plans/trial')).status).toBe(204)
    expect((await root('GET', '/v1/plans/trial')).status).toBe(404)
    expect((await root('DELETE', '/v1/plans/trial')).status).toBe(404)
    expect((await root('POST', `/v1/organizations/${id}/change-plan`, { plan: 'trial' })).status).toBe(400)
  })

  test('deleting a plan while organizations move to it leaves none of them without a plan', async () => {
    for (let round = 0; round < 5; round += 1) {
      await root('POST', '/v1/plans', { name: 'brief', ...limits })
      const id = await organizationOn('free')
      const [moved, deleted] = await Promise.all([
        root('POST', `/v1/organizations/${id}/change-plan`, { plan: 'brief' }),
        root('DELETE', '/v1/plans/brief'),
      ])
      expect([
        [200, 409],
        [400, 204],
      ]).toContainEqual([moved.status, deleted.status])
      expect((await root('GET', `/v1/organizations/${id}`)).status).toBe(200)
      await root('POST', `/v1/organizations/${id}/change-plan`, { plan: 'free' })
      await root('DELETE', '/v1/plans/brief')
    }
  })

  test.each(['free', 'pro', 'enterprise'])('%s cannot be changed or deleted', async (name) => {
    expect((await root('POST', '/v1/plans', { name, ...limits })).body).toMatchObject({ status: 409, member: 'name' })
    expect((await root('PATCH', `/v1/plans/${name}`, { apiKeys: 1 })).status).toBe(409)
    expect((await root('DELETE', `/v1/plans/${name}`)).status).toBe(409)
    expect((await root('GET', `/v1/plans/${name}`)).body).toMatchObject({ name, builtIn: true })
  })

  test('two plans cannot have the same name', async () => {
    const answers = await Promise.all(
      Array.from({ length: 5 }, () => root('POST', '/v1/plans', { name: 'single', ...limits })),
    )
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409, 409, 409, 409])
  })

  test.each([
    ['a name with capitals', { name: 'Big' }],
    ['no limit of keys', { apiKeys: undefined }],
    ['a negative limit', { apiKeys: -1 }],
    ['a fraction', { requestsPerMinute: 1.5 }],
    ['a number beyond all numbers', { requestsPerMonth: 2 ** 53 }],
    ['a default overlap over the most', { defaultOverlapSeconds: 601 }],
    ['a member that is not known', { unlimited: true }],
  ])('%s is refused', async (_, body) => {
    expect((await root('POST', '/v1/plans', { name: 'bad', ...limits, ...body })).status).toBe(400)
  })

  test('only root sees and changes them', async () => {
    const admin = await adminClientWith(service, { roles: ['admin'] })
    expect((await admin('GET', '/v1/plans')).status).toBe(403)
    expect((await admin('POST', '/v1/plans', { name: 'mine', ...limits })).status).toBe(403)
    expect((await admin('DELETE', '/v1/plans/free')).status).toBe(403)
  })
})
