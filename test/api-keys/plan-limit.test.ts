import { eq } from 'drizzle-orm'
import { describe, expect, test } from 'vitest'
import { systemPrincipal } from '../../src/access/principal.ts'
import { createApiKey } from '../../src/api-keys/create.ts'
import { listApiKeys } from '../../src/api-keys/read.ts'
import { updateApiKey } from '../../src/api-keys/update.ts'
import { auditEvents, organizations } from '../../src/db/schema.ts'
import { databaseKinds } from '../support/databases.ts'
import { startTestService } from '../support/test-service.ts'

describe.each(databaseKinds)('the number of API keys that a plan allows, on %s', async (kind) => {
  const service = await startTestService(kind)
  const { services, clock } = service

  async function organizationOn(plan: string): Promise<string> {
    const id = await service.createOrganization(`on ${plan}`)
    await services.db.update(organizations).set({ plan }).where(eq(organizations.id, id))
    return id
  }

  const create = (organizationId: string, more = {}) =>
    createApiKey(services, systemPrincipal, { name: 'one of many', environment: 'live', organizationId, ...more })

  test('creates exactly ten of fifty at once where ten are allowed', async () => {
    const organizationId = await organizationOn('pro')
    const settled = await Promise.allSettled(Array.from({ length: 50 }, () => create(organizationId)))
    expect(settled.filter(({ status }) => status === 'fulfilled')).toHaveLength(10)
    for (const refused of settled) {
      if (refused.status === 'rejected')
        expect(refused.reason).toMatchObject({ code: 'plan_limit_reached', extensions: { limit: 10 } })
    }
    const { items } = await listApiKeys(services, systemPrincipal, { limit: 200 }, { organizationId })
    expect(items).toHaveLength(10)
    const created = await services.db.select().from(auditEvents).where(eq(auditEvents.organizationId, organizationId))
    expect(created.filter(({ type }) => type === 'api_key.created')).toHaveLength(10)
  })

  test('does not count revoked and expired keys, but counts disabled ones', async () => {
    const organizationId = await organizationOn('free')
    for (const dead of [{ revokedAt: clock.now() }, { expiresAt: clock.now() }])
      await service.createKey({ organizationId, ...dead })
    await service.createKey({ organizationId, disabledAt: clock.now() })
    await create(organizationId)
    await expect(create(organizationId)).rejects.toMatchObject({ code: 'plan_limit_reached' })
  })

  test('does not count root keys until they lose the role', async () => {
    const organizationId = await organizationOn('free')
    await create(organizationId)
    await create(organizationId)
    const { apiKey } = await create(organizationId, { roles: ['root'] })
    await expect(updateApiKey(services, systemPrincipal, apiKey.id, { roles: ['admin'] })).rejects.toMatchObject({
      code: 'plan_limit_reached',
    })
    expect(await updateApiKey(services, systemPrincipal, apiKey.id, { name: 'still root' })).toMatchObject({
      roles: ['root'],
    })
  })

  test('of one organization does not affect another', async () => {
    const [full, empty] = [await organizationOn('free'), await organizationOn('free')]
    await create(full)
    await create(full)
    await expect(create(full)).rejects.toMatchObject({ code: 'plan_limit_reached' })
    expect(await create(empty)).toMatchObject({ apiKey: { organizationId: empty } })
  })
})
