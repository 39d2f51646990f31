import { beforeAll, describe, expect, test } from 'vitest'
import { type AdminCall, adminClient, adminClientWith } from '../../support/admin-client.ts'
import { databaseKinds } from '../../support/databases.ts'
import { smallestLimits } from '../../support/plan-limits.ts'
import { startTestService, type TestService } from '../../support/test-service.ts'

describe.each(databaseKinds)('a filter on %s', (kind) => {
  let service: TestService
  let root: AdminCall
  let admin: AdminCall
  let neighbour: string

  beforeAll(async () => {
    service = await startTestService(kind)
    root = adminClient(service, service.rootKey)
    admin = await adminClientWith(service, { roles: ['admin'] })
    neighbour = await service.createOrganization('neighbour')
  })

  const lists = ['api-keys', 'service-accounts', 'members', 'audit-events', 'audit-events/export', 'roles']

  test.each(lists)('on an unknown organization is an error in GET /v1/%s, not an empty list', async (list) => {
    const answer = await root('GET', `/v1/${list}?organizationId=org_unknown`)
    expect(answer.status).toBe(404)
    expect(answer.body.detail).toContain('organizationId: not found')
    expect((await root('GET', `/v1/${list}?organizationId=${neighbour}`)).status).toBe(200)
  })

  test.each(lists)('on a foreign organization looks the same as on an unknown one in GET /v1/%s', async (list) => {
    const [foreign, unknown] = [neighbour, 'org_unknown'].map((id) => admin('GET', `/v1/${list}?organizationId=${id}`))
    const answers = [await foreign, await unknown].map((answer) => ({ ...answer?.body, instance: '' }))
    expect(answers[0]).toMatchObject({ status: 404 })
    expect(answers[0]).toEqual(answers[1])
    expect((await admin('GET', `/v1/${list}?organizationId=${service.organizationId}`)).status).toBe(200)
  })

  test('on an unknown service account is an error, in a list and when revoking', async () => {
    const created = await root('POST', '/v1/service-accounts', { name: 'known' })
    const { id } = created.body
    expect((await root('GET', `/v1/api-keys?serviceAccountId=${id}`)).body).toMatchObject({ items: [] })
    expect((await root('GET', '/v1/api-keys?serviceAccountId=svc_unknown')).status).toBe(404)
    for (const filter of [{ serviceAccountId: 'svc_unknown' }, { organizationId: 'org_unknown' }]) {
      expect((await root('POST', '/v1/api-keys/revoke', { filter })).status).toBe(404)
    }
  })

  test('on an unknown plan or a malformed slug is an error', async () => {
    for (const query of ['plan=unknown', 'plan=FREE', 'slug=Acme', 'slug=no--slug']) {
      expect((await root('GET', `/v1/organizations?${query}`)).status, query).toBe(400)
      expect((await admin('GET', `/v1/organizations?${query}`)).status, query).toBe(400)
    }
    expect((await root('GET', '/v1/organizations?plan=pro')).body).toMatchObject({ items: [] })
  })

  test('on a custom plan shows an organization only whether it is its own', async () => {
    await root('POST', '/v1/plans', {
      name: 'secret-deal',
      ...smallestLimits,
      apiKeys: 9,
      defaultOverlapSeconds: 1,
      maxOverlapSeconds: 1,
    })
    expect((await root('GET', '/v1/organizations?plan=secret-deal')).body).toMatchObject({ items: [] })
    const unknown = await admin('GET', '/v1/organizations?plan=unknown')
    const hidden = await admin('GET', '/v1/organizations?plan=secret-deal')
    expect({ ...hidden.body, instance: '' }).toEqual({ ...unknown.body, instance: '' })
  })

  test('on an unknown event type is an error', async () => {
    for (const list of ['audit-events', 'audit-events/export']) {
      expect((await root('GET', `/v1/${list}?type=api_key.revokd`)).status).toBe(400)
      expect((await root('GET', `/v1/${list}?type=api_key.revoked`)).status).toBe(200)
    }
  })

  test('a name that differs from an existing one only by case is a conflict', async () => {
    const created = await root('POST', '/v1/service-accounts', { name: 'Billing' })
    const taken = { status: 409, code: 'conflict', member: 'name' }
    for (const name of ['Billing', 'billing', 'BILLING']) {
      expect((await root('POST', '/v1/service-accounts', { name })).body).toMatchObject(taken)
    }
    const other = await root('POST', '/v1/service-accounts', { name: 'shipping' })
    expect((await root('PATCH', `/v1/service-accounts/${other.body.id}`, { name: 'bILLING' })).body).toMatchObject(
      taken,
    )
    expect((await root('PATCH', `/v1/service-accounts/${created.body.id}`, { name: 'BILLING' })).status).toBe(200)
    expect((await root('POST', '/v1/service-accounts', { name: 'Ärger' })).status).toBe(201)
    expect((await root('POST', '/v1/service-accounts', { name: 'ÄRGER' })).status).toBe(409)
    const elsewhere = { name: 'billing', organizationId: neighbour }
    expect((await root('POST', '/v1/service-accounts', elsewhere)).status).toBe(201)
  })

  test('of several at once with names that differ only by case, one is created', async () => {
    const names = ['racer', 'Racer', 'RACER', 'rAcEr']
    const answers = await Promise.all(names.map((name) => root('POST', '/v1/service-accounts', { name })))
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409, 409, 409])
  })
})
