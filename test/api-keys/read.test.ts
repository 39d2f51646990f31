import { eq } from 'drizzle-orm'
import { describe, expect, test } from 'vitest'
import { createApiKey } from '../../src/api-keys/create.ts'
import { disableApiKey } from '../../src/api-keys/disable.ts'
import type { ApiKeyListFilter } from '../../src/api-keys/queries.ts'
import { listApiKeys } from '../../src/api-keys/read.ts'
import { apiKeyStatuses } from '../../src/api-keys/status.ts'
import { organizations, serviceAccounts } from '../../src/db/schema.ts'
import { databaseKinds } from '../support/databases.ts'
import { principal } from '../support/principal.ts'
import { startTestService } from '../support/test-service.ts'

describe.each(databaseKinds)('finding API keys on %s', async (kind) => {
  const service = await startTestService(kind)
  const { services, clock } = service
  const own = await service.createOrganization('own')
  const other = await service.createOrganization('other')
  const admin = principal(own, ['admin'])
  const found = async (filter: ApiKeyListFilter, actor = admin) =>
    (await listApiKeys(services, actor, { limit: 200 }, filter)).items.map(({ name }) => name)
  const create = async (name: string, more = {}) =>
    (await createApiKey(services, admin, { name, environment: 'live', ...more })).apiKey

  await create('Orders worker', { labels: ['team:orders', '100%'] })
  await create('orders_test', { environment: 'test' })
  await create('100% sure')
  await create('back\\slash')
  const startOfBilling = clock.now()
  clock.advance(60)
  await create('billing', { labels: ['team:billing'] })

  test.each<[ApiKeyListFilter, string[]]>([
    [{}, ['billing', 'back\\slash', '100% sure', 'orders_test', 'Orders worker']],
    [{ environment: 'test' }, ['orders_test']],
    [{ label: 'team:orders' }, ['Orders worker']],
    [{ label: '100%' }, ['Orders worker']],
    [{ label: 'team' }, []],
    [{ name: 'ORDERS' }, ['orders_test', 'Orders worker']],
    [{ name: 'orders', environment: 'live' }, ['Orders worker']],
    [{ createdAfter: startOfBilling }, ['billing']],
    [{ createdBefore: clock.now() }, ['back\\slash', '100% sure', 'orders_test', 'Orders worker']],
    [{ createdBefore: startOfBilling }, []],
  ])('%j finds %j', async (filter, names) => {
    expect(await found(filter)).toEqual(names)
  })

  test.each<ApiKeyListFilter>([
    { serviceAccountId: 'svc_missing' },
    { organizationId: other },
    { organizationId: 'org_missing' },
  ])('%j names what the caller cannot see', async (filter) => {
    await expect(found(filter)).rejects.toMatchObject({ code: 'not_found' })
  })

  test.each([
    ['%', ['100% sure']],
    ['_', ['orders_test']],
    ['\\', ['back\\slash']],
    ['%%', []],
    ['o%s', []],
    ["' or 1=1 --", []],
    ['.*', []],
    ['ſ', []],
  ])('a name is searched literally: %s', async (name, names) => {
    expect(await found({ name })).toEqual(names)
  })

  test('a filtered list has pages like any list', async () => {
    const first = await listApiKeys(services, admin, { limit: 1 }, { name: 'orders' })
    const second = await listApiKeys(services, admin, { limit: 1, cursor: first.nextCursor ?? '' }, { name: 'orders' })
    expect([first.items[0]?.name, second.items[0]?.name, second.nextCursor]).toEqual([
      'orders_test',
      'Orders worker',
      null,
    ])
  })

  test('a filter by status finds exactly the keys with that status', async () => {
    const organizationId = await service.createOrganization('all of them')
    const suspended = await service.createOrganization('suspended')
    await services.db.insert(serviceAccounts).values({
      id: `svc_${kind}`,
      organizationId,
      name: 'gone',
      description: '',
      roles: [],
      createdAt: clock.now(),
      createdBy: 'system',
      disabledAt: clock.now(),
    })
    await services.db.update(organizations).set({ suspendedAt: clock.now() }).where(eq(organizations.id, suspended))
    const ends = [null, clock.now(), new Date(clock.now().getTime() + 1)]
    for (const revokedAt of ends) {
      for (const expiresAt of ends) {
        for (const disabledAt of ends) {
          for (const serviceAccountId of [null, `svc_${kind}`]) {
            const instants = {
              ...(revokedAt && { revokedAt }),
              ...(expiresAt && { expiresAt }),
              ...(disabledAt && { disabledAt }),
            }
            await service.createKey({ organizationId, ...instants, ...(serviceAccountId && { serviceAccountId }) })
          }
        }
      }
    }
    await service.createKey({ organizationId: suspended })
    await service.createKey({ organizationId, versionExpiresAt: clock.now() })
    const root = principal(own, ['root'])
    const all = (await listApiKeys(services, root, { limit: 200 })).items
    for (const status of apiKeyStatuses) {
      const { items } = await listApiKeys(services, root, { limit: 200 }, { status })
      expect(items.length, status).toBeGreaterThan(0)
      expect(items).toEqual(all.filter((apiKey) => apiKey.status === status))
    }
  })

  test('a caller that may read only its own keys finds no others, whatever the filter', async () => {
    const developer = principal(own, ['developer'], { clientId: 'key_developer' })
    expect(await found({}, developer)).toEqual([])
    const { apiKey } = await createApiKey(services, developer, { name: 'mine', environment: 'live' })
    expect(await found({ name: 'i' }, developer)).toEqual(['mine'])
    await expect(disableApiKey(services, { ...developer, clientId: 'key_colleague' }, apiKey.id)).rejects.toMatchObject(
      {
        code: 'not_found',
      },
    )
  })
})
