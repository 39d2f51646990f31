import { and, eq, isNull } from 'drizzle-orm'
import { describe, expect, test } from 'vitest'
import { systemPrincipal } from '../../src/access/principal.ts'
import { disableApiKey } from '../../src/api-keys/disable.ts'
import { apiKeys, apiKeyUsage, customRoles, organizations, revocations, serviceAccounts } from '../../src/db/schema.ts'
import { deleteOrganization } from '../../src/organization-deletion/delete.ts'
import { type AdminCall, adminClient, adminClientWith } from '../support/admin-client.ts'
import { eventsOf } from '../support/audit-trail.ts'
import { databaseKinds } from '../support/databases.ts'
import { exchange, isLive, tryExchange } from '../support/oauth-requests.ts'
import { startTestService } from '../support/test-service.ts'

describe.each(databaseKinds)('deleting an organization, on %s', async (kind) => {
  const service = await startTestService(kind)
  const { services, clock } = service
  const { db } = services
  const root = adminClient(service, service.rootKey)
  const create = async (body: object) => String((await root('POST', '/v1/organizations', body)).body.id)
  const remove = async (id: string, query = '', as: AdminCall = root) =>
    await as('DELETE', `/v1/organizations/${id}${query}`)
  const tokenOf = async (secret: string) => (await exchange(service, secret)).access_token

  test('without keys is done directly, and frees slug and email', async () => {
    const acme = { name: 'Acme', slug: 'acme', email: 'ops@acme.example' }
    const id = await create(acme)
    expect((await remove(id)).status).toBe(204)
    expect((await root('GET', `/v1/organizations/${id}`)).status).toBe(404)
    expect((await root('GET', '/v1/organizations?limit=200')).text).not.toContain(id)
    expect((await remove(id)).status).toBe(404)
    const again = await root('POST', '/v1/organizations', acme)
    expect(again).toMatchObject({ status: 201, body: acme })
    expect(again.body.id).not.toBe(id)
  })

  test('with keys needs force, and a dry run says who uses them', async () => {
    const organizationId = await create({ name: 'In use', plan: 'pro' })
    const { id, secret } = await service.createKey({ organizationId })
    const token = await tokenOf(secret)
    await services.usage.flush()
    await root('POST', '/v1/service-accounts', { name: 'ci', organizationId })
    await root('POST', '/v1/roles', { name: 'reader', permissions: ['api_keys.read:own'], organizationId })
    const refused = await remove(organizationId)
    expect([refused.status, refused.body.code, refused.body.apiKeys]).toEqual([409, 'conflict', 1])
    expect(refused.body.detail).toMatch(/^The organization has 1 API key\. .* with force\.$/)
    expect(await remove(organizationId, '?dryRun=true')).toMatchObject({
      status: 200,
      body: { apiKeys: 1, apiKeysWithLiveTokens: 1, serviceAccounts: 1, roles: 1, lastUses: [{ apiKeyId: id }] },
    })
    expect(await isLive(service, token)).toBe(true)
    expect((await root('GET', `/v1/organizations/${organizationId}`)).body).toMatchObject({
      suspendedAt: null,
      revision: 1,
    })
    expect((await remove(organizationId, '?force=true')).status).toBe(204)
    expect(await isLive(service, token)).toBe(false)
    expect((await tryExchange(service, secret)).status).toBe(401)
  })

  test('whose keys are all revoked or expired needs no force', async () => {
    const organizationId = await create({ name: 'Quiet' })
    await service.createKey({ organizationId, revokedAt: clock.now() })
    await service.createKey({ organizationId, expiresAt: clock.now() })
    expect((await remove(organizationId, '?dryRun=true')).body).toMatchObject({ apiKeys: 0 })
    expect((await remove(organizationId)).status).toBe(204)
  })

  test('deletes everything in it, and keeps its audit events and the rules about its tokens', async () => {
    const organizationId = await create({ name: 'Whole', slug: 'whole', plan: 'pro' })
    const made = await root('POST', '/v1/service-accounts', { name: 'ci', organizationId })
    const serviceAccountId = String(made.body.id)
    await root('POST', '/v1/roles', { name: 'reader', permissions: ['api_keys.read:own'], organizationId })
    const ids: string[] = []
    for (const more of [{}, { serviceAccountId }]) {
      const { body } = await root('POST', '/v1/api-keys', { name: 'k', organizationId, ...more })
      ids.push(String((body.apiKey as { id: string }).id))
      await tokenOf(String(body.secret))
    }
    await services.usage.flush()
    await remove(organizationId, '?force=true')
    for (const table of [apiKeys, serviceAccounts, customRoles])
      expect(await db.$count(table, eq(table.organizationId, organizationId))).toBe(0)
    expect(await db.$count(organizations, eq(organizations.id, organizationId))).toBe(0)
    for (const id of ids) expect(await db.$count(apiKeyUsage, eq(apiKeyUsage.apiKeyId, id))).toBe(0)
    const events = (await root('GET', `/v1/audit-events?subject=${organizationId}`)).body.items as { type: string }[]
    expect(events.map(({ type }) => type)).toEqual(['organization.deleted', 'organization.created'])
    const [event] = await eventsOf(services, { subject: organizationId, type: 'organization.deleted' })
    expect(event?.context).toEqual({
      ...{ name: 'Whole', slug: 'whole', apiKeys: 2, apiKeyIds: [...ids].sort(), serviceAccounts: 1, roles: 1 },
    })
    const ofOrganization = (await root('GET', `/v1/audit-events?organizationId=${organizationId}`)).body
    expect((ofOrganization.items as unknown[]).length).toBeGreaterThan(4)
    const rules = await db.select().from(revocations).where(eq(revocations.organizationId, organizationId))
    expect(rules.map(({ value }) => value).sort()).toEqual([...ids].sort())
    expect(rules.every(({ expiresAt }) => expiresAt !== null)).toBe(true)
  })

  test('that is suspended leaves no rule without an end, none that can be lifted, and nothing to resume', async () => {
    const organizationId = await create({ name: 'Suspended' })
    const { id, secret } = await service.createKey({ organizationId })
    const token = await tokenOf(secret)
    await disableApiKey(services, systemPrincipal, id)
    await root('POST', '/v1/revocations', { kind: 'subject', value: `${organizationId} x`, issuedBefore: null })
    await root('POST', `/v1/organizations/${organizationId}/suspend`)
    expect((await remove(organizationId, '?force=true')).status).toBe(204)
    const ofOrganization = eq(revocations.organizationId, organizationId)
    expect(await db.$count(revocations, and(ofOrganization, isNull(revocations.expiresAt)))).toBe(0)
    expect((await root('POST', `/v1/organizations/${organizationId}/resume`)).status).toBe(404)
    const rules = await db.select().from(revocations).where(ofOrganization)
    for (const { id: rule, kind: about } of rules.filter((rule) => rule.kind !== 'subject')) {
      const lifted = await root('POST', `/v1/revocations/${rule}/lift`)
      expect([lifted.status, lifted.body.detail], about).toEqual([409, expect.stringContaining('was deleted')])
    }
    expect(await isLive(service, token)).toBe(false)
  })

  test('needs the operator: nobody deletes their own organization, whatever their role', async () => {
    const organizationId = await create({ name: 'Theirs' })
    const admin = await adminClientWith(service, { organizationId, roles: ['admin'] })
    for (const query of ['', '?force=true', '?dryRun=true']) {
      expect((await remove(organizationId, query, admin)).status).toBe(403)
      const own = await remove(service.organizationId, query)
      expect([own.status, own.body.detail]).toEqual([409, expect.stringMatching(/^Your own key belongs to/)])
    }
  })

  test('with the last root key is refused, in a dry run too', async () => {
    const organizationId = await create({ name: 'Root' })
    await service.createKey({ organizationId, roles: ['root'] })
    const { id } = (await root('GET', '/v1/me')).body
    await db
      .update(apiKeys)
      .set({ disabledAt: clock.now() })
      .where(eq(apiKeys.id, String(id)))
    try {
      const refused = { code: 'conflict', reason: 'last holder' }
      const forced = deleteOrganization(services, systemPrincipal, organizationId, { force: true })
      await expect(forced).rejects.toMatchObject(refused)
    } finally {
      await db
        .update(apiKeys)
        .set({ disabledAt: null })
        .where(eq(apiKeys.id, String(id)))
    }
    expect((await remove(organizationId, '?force=true')).status).toBe(204)
  })

  test('frees its custom plan', async () => {
    const limits = { requestsPerMinute: 1, requestsPerMonth: 1, apiKeys: 1 }
    const overlaps = { defaultOverlapSeconds: 0, maxOverlapSeconds: 0 }
    expect((await root('POST', '/v1/plans', { name: 'fleeting', ...limits, ...overlaps })).status).toBe(201)
    const id = await create({ name: 'Planned', plan: 'fleeting' })
    expect((await root('DELETE', '/v1/plans/fleeting')).status).toBe(409)
    await remove(id)
    expect((await root('DELETE', '/v1/plans/fleeting')).status).toBe(204)
  })

  test('of more keys than one transaction holds is one request all the same', async () => {
    const organizationId = await create({ name: 'Crowded', plan: 'enterprise' })
    const row = { organizationId, name: 'k', environment: 'live', scopes: [], audiences: [], roles: [] } as const
    const lists = { scopes: [], audiences: [], roles: [] }
    const rows = Array.from({ length: 1203 }, (_, index) => {
      const id = `key_${organizationId.slice(4, 20)}${String(index).padStart(16, '0')}`
      return { ...row, ...lists, id, createdAt: clock.now(), createdBy: 'system' }
    })
    await db.insert(apiKeys).values(rows)
    expect((await remove(organizationId, '?force=true')).status).toBe(204)
    expect(await db.$count(apiKeys, eq(apiKeys.organizationId, organizationId))).toBe(0)
    const events = await eventsOf(services, { subject: organizationId })
    expect(events.map(({ type, context }) => [type, context.apiKeys])).toEqual([
      ['organization.created', undefined],
      ['api_keys.deleted', 1000],
      ['organization.deleted', 203],
    ])
    expect(await db.$count(revocations, eq(revocations.organizationId, organizationId))).toBe(1203)
  })

  test('is done once by ten concurrent requests, and nothing is created in it meanwhile', async () => {
    const id = await create({ name: 'Race' })
    const answers = await Promise.all(Array.from({ length: 10 }, () => remove(id)))
    expect(answers.map(({ status }) => status).sort()).toEqual([204, ...Array.from({ length: 9 }, () => 404)])
    for (let round = 0; round < 5; round += 1) {
      const organizationId = await create({ name: `Race ${round}` })
      const [gone, ...made] = await Promise.all([
        remove(organizationId, '?force=true'),
        root('POST', '/v1/api-keys', { name: 'late', organizationId }),
        root('POST', '/v1/service-accounts', { name: 'late', organizationId }),
        root('POST', '/v1/roles', { name: 'late', permissions: ['api_keys.read:own'], organizationId }),
        root('POST', '/v1/api-keys/import', { organizationId, rows: [{ name: 'late', hash: 'a'.repeat(63) + round }] }),
      ])
      expect(gone.status).toBe(204)
      expect(made.filter(({ status }) => ![200, 201, 404].includes(status))).toEqual([])
      for (const table of [apiKeys, serviceAccounts, customRoles])
        expect(await db.$count(table, eq(table.organizationId, organizationId))).toBe(0)
    }
  })

  test('two operators cannot delete each other’s organization, so that no root key would be left', async () => {
    const other = await startTestService(kind, { emptied: true })
    const one = other.organizationId
    const two = await other.createOrganization()
    const second = await other.createKey({ organizationId: two, roles: ['root'] })
    const [first, both] = [adminClient(other, other.rootKey), adminClient(other, second.secret)]
    const answers = await Promise.all([
      first('DELETE', `/v1/organizations/${two}?force=true`),
      both('DELETE', `/v1/organizations/${one}?force=true`),
    ])
    expect(answers.map(({ status }) => status).filter((status) => status === 204)).toHaveLength(1)
    const left = [first, both].map(async (call) => (await call('GET', '/v1/me')).status)
    expect((await Promise.all(left)).sort()).toEqual([200, 401])
  })
})
