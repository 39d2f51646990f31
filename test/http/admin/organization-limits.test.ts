import { beforeAll, describe, expect, test } from 'vitest'
import { type AdminCall, adminClient } from '../../support/admin-client.ts'
import { databaseKinds } from '../../support/databases.ts'
import { tryExchange } from '../../support/oauth-requests.ts'
import { smallestLimits } from '../../support/plan-limits.ts'
import { startTestService, type TestService } from '../../support/test-service.ts'

describe.each(databaseKinds)('new limits of an organization on %s', (kind) => {
  let service: TestService
  let root: AdminCall

  beforeAll(async () => {
    service = await startTestService(kind)
    root = adminClient(service, service.rootKey)
  })

  const inDays = (days: number) => new Date(service.clock.now().getTime() + days * 86_400_000)
  const change = async (id: string, verb: 'change-plan' | 'change-policy', body: object) =>
    await root('POST', `/v1/organizations/${id}/${verb}`, body)

  describe('by a smaller plan', () => {
    test('say what no longer fits, and a dry run changes nothing', async () => {
      const id = await service.createOrganization()
      const keys = [await service.createKey({ organizationId: id }), await service.createKey({ organizationId: id })]
      await service.createKey({ organizationId: id, versionExpiresAt: inDays(5) })
      await service.createKey({ organizationId: id, versionExpiresAt: inDays(1) })
      await service.createKey({ organizationId: id, revokedAt: service.clock.now() })
      await service.createKey({ organizationId: id, expiresAt: service.clock.now(), versionExpiresAt: inDays(9) })
      await service.createKey({ organizationId: id, roles: ['root'] })

      const tried = await change(id, 'change-plan', { plan: 'free', dryRun: true })
      const noLongerFits = { apiKeys: 2, overlaps: 1 }
      expect(tried.body).toMatchObject({ dryRun: true, plan: 'free', noLongerFits })
      expect(tried.headers.get('etag')).toBeNull()
      expect((await root('GET', `/v1/organizations/${id}`)).body).toMatchObject({ plan: 'enterprise', revision: 1 })
      const told = await root('GET', `/v1/audit-events?type=organization.plan_changed&organizationId=${id}`)
      expect(told.body).toMatchObject({ items: [] })

      const changed = await change(id, 'change-plan', { plan: 'free' })
      expect(changed.body).toMatchObject({ dryRun: false, plan: 'free', revision: 2, noLongerFits })
      expect(changed.headers.get('etag')).toBe('"2"')
      for (const { secret } of keys) expect((await tryExchange(service, secret)).status).toBe(200)
      const refused = await root('POST', '/v1/api-keys', { name: 'one more', organizationId: id })
      expect(refused.body).toMatchObject({ code: 'plan_limit_reached' })
    })

    test('say so when everything fits', async () => {
      const id = await service.createOrganization()
      await service.createKey({ organizationId: id })
      expect((await change(id, 'change-plan', { plan: 'free' })).body).toMatchObject({
        noLongerFits: { apiKeys: 0, overlaps: 0 },
      })
    })
  })

  test('by smaller limits of its custom plan say how many organizations and keys no longer fit', async () => {
    await root('POST', '/v1/plans', {
      name: 'shrinking',
      ...smallestLimits,
      apiKeys: 9,
      defaultOverlapSeconds: 1,
      maxOverlapSeconds: 1,
    })
    for (const keys of [1, 2, 4]) {
      const id = await service.createOrganization()
      await change(id, 'change-plan', { plan: 'shrinking' })
      for (let key = 0; key < keys; key += 1) await service.createKey({ organizationId: id })
      await service.createKey({ organizationId: id, revokedAt: service.clock.now() })
    }
    const noLongerFits = { organizations: 2, apiKeys: 4 }
    const tried = await root('PATCH', '/v1/plans/shrinking', { apiKeys: 1, dryRun: true })
    expect(tried.body).toMatchObject({ dryRun: true, apiKeys: 1, noLongerFits })
    expect((await root('GET', '/v1/plans/shrinking')).body).toMatchObject({ apiKeys: 9, revision: 1 })
    const changed = await root('PATCH', '/v1/plans/shrinking', { apiKeys: 1 })
    expect(changed.body).toMatchObject({ dryRun: false, apiKeys: 1, revision: 2, noLongerFits })
    expect((await root('PATCH', '/v1/plans/shrinking', { apiKeys: 4 })).body).toMatchObject({
      noLongerFits: { organizations: 0, apiKeys: 0 },
    })
  })

  describe('by a lifetime policy', () => {
    const day = 86_400

    test('say how many keys have no end or a later one, and a dry run changes nothing', async () => {
      const id = await service.createOrganization()
      const ends = [undefined, undefined, inDays(31), inDays(30), inDays(1)]
      for (const expiresAt of ends) await service.createKey({ organizationId: id, ...(expiresAt && { expiresAt }) })
      await service.createKey({ organizationId: id, revokedAt: service.clock.now() })

      const noLongerFits = { withoutEnd: 2, endingLater: 1 }
      const tried = await change(id, 'change-policy', { maxKeyLifetimeSeconds: 30 * day, dryRun: true })
      expect(tried.body).toMatchObject({ dryRun: true, noLongerFits })
      expect((await root('GET', `/v1/organizations/${id}`)).body).toMatchObject({ maxKeyLifetimeSeconds: null })
      const changed = await change(id, 'change-policy', { maxKeyLifetimeSeconds: 30 * day })
      expect(changed.body).toMatchObject({ dryRun: false, maxKeyLifetimeSeconds: 30 * day, noLongerFits })
      const removed = await change(id, 'change-policy', { maxKeyLifetimeSeconds: null })
      expect(removed.body).toMatchObject({ noLongerFits: { withoutEnd: 0, endingLater: 0 } })
    })

    test('leave it possible to narrow and to rotate a key that lives longer, but not to widen or prolong it', async () => {
      const id = await service.createOrganization()
      const make = async (more: object) => {
        const body = { name: 'old', organizationId: id, scopes: ['a', 'b'], audiences: ['https://a.example'], ...more }
        return Object((await root('POST', '/v1/api-keys', body)).body)
      }
      const made = [await make({}), await make({ expiresAt: inDays(90).toISOString() })]
      await change(id, 'change-policy', { maxKeyLifetimeSeconds: 30 * day })
      for (const { apiKey, secret } of made) {
        const path = `/v1/api-keys/${apiKey.id}`
        for (const body of [
          { scopes: ['a'] },
          { audiences: [] },
          { name: 'renamed' },
          { allowedCidrs: ['192.0.2.0/24'] },
        ]) {
          expect((await root('PATCH', path, body)).status, JSON.stringify(body)).toBe(200)
        }
        await root('PATCH', path, { allowedCidrs: [] })
        for (const body of [{ scopes: ['a', 'c'] }, { audiences: ['https://b.example'] }, { roles: ['read_only'] }]) {
          expect((await root('PATCH', path, body)).body, JSON.stringify(body)).toMatchObject({
            code: 'lifetime_not_allowed',
          })
          expect((await root('POST', `${path}/rotate`, body)).body).toMatchObject({ code: 'lifetime_not_allowed' })
        }
        expect((await adminClient(service, secret)('POST', '/v1/me/rotate', {})).status).toBe(200)
        expect((await root('POST', `${path}/rotate`, { scopes: ['a'] })).status).toBe(200)
        expect((await root('PATCH', path, { expiresAt: inDays(80).toISOString() })).status).toBe(200)
        for (const expiresAt of [null, inDays(81).toISOString()]) {
          expect((await root('PATCH', path, { expiresAt })).body).toMatchObject({ code: 'lifetime_not_allowed' })
        }
        expect((await root('PATCH', path, { scopes: ['a', 'c'], expiresAt: inDays(30).toISOString() })).status).toBe(
          200,
        )
      }
    })
  })
})
