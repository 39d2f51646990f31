import { describe, expect, test } from 'vitest'
import { createApiKey } from '../../src/api-keys/create.ts'
import { disableApiKey, enableApiKey } from '../../src/api-keys/disable.ts'
import { showApiKey } from '../../src/api-keys/read.ts'
import { disableServiceAccount, enableServiceAccount } from '../../src/service-accounts/disabling.ts'
import { createServiceAccount, showServiceAccount } from '../../src/service-accounts/operations.ts'
import { databaseKinds } from '../support/databases.ts'
import { principal } from '../support/principal.ts'
import { startTestService } from '../support/test-service.ts'

const denied = { code: 'permission_denied', detail: expect.stringMatching(/^It was disabled with more reach/) }
const because = { reason: 'other' } as const

describe.each(databaseKinds)('who may enable what somebody disabled, on %s', async (kind) => {
  const service = await startTestService(kind)
  const { services } = service
  const own = await service.createOrganization()
  await service.createKey({ organizationId: own, roles: ['admin'] })
  const operator = principal(own, ['root'], { clientId: 'key_operator' })
  const admin = principal(own, ['admin'], { clientId: 'key_admin' })
  const { id: account } = await createServiceAccount(services, admin, { name: 'team', roles: ['developer'] })
  const developer = principal(own, ['developer'], { clientId: 'key_developer', serviceAccountId: account })
  const sibling = principal(own, ['developer'], { clientId: 'key_sibling', serviceAccountId: account })

  const make = async () => {
    const input = { name: 'orders', environment: 'live', serviceAccountId: account } as const
    return (await createApiKey(services, developer, input)).apiKey.id
  }
  const statusOf = async (id: string) => (await showApiKey(services, operator, id)).status

  test('what its developer disabled, a sibling key may enable', async () => {
    const id = await make()
    await disableApiKey(services, developer, id)
    await enableApiKey(services, sibling, id)
    expect(await statusOf(id)).toBe('usable')
  })

  test('what an administrator disabled, its developer or a sibling key may not enable', async () => {
    const id = await make()
    await disableApiKey(services, admin, id)
    for (const actor of [developer, sibling]) {
      await expect(enableApiKey(services, actor, id)).rejects.toMatchObject(denied)
    }
    expect(await statusOf(id)).toBe('disabled')
    await enableApiKey(services, admin, id)
    expect(await statusOf(id)).toBe('usable')
  })

  test('what the operator disabled, an administrator of the organization may not enable', async () => {
    const id = await make()
    await disableApiKey(services, operator, id)
    await expect(enableApiKey(services, admin, id)).rejects.toMatchObject(denied)
    await enableApiKey(services, operator, id)
  })

  test('an administrator who disables a disabled key again keeps its developer out', async () => {
    const id = await make()
    await disableApiKey(services, developer, id)
    const { disabledAt } = await showApiKey(services, admin, id)
    await disableApiKey(services, admin, id)
    expect(await showApiKey(services, admin, id)).toMatchObject({ disabledAt, disabledBy: 'key_admin', revision: 3 })
    await disableApiKey(services, developer, id)
    expect(await showApiKey(services, admin, id)).toMatchObject({ disabledBy: 'key_admin', revision: 3 })
    await expect(enableApiKey(services, developer, id)).rejects.toMatchObject(denied)
    await enableApiKey(services, admin, id)
  })

  test('a key from before this was recorded needs an administrator', async () => {
    const { id } = await service.createKey({
      organizationId: own,
      createdBy: developer.clientId,
      disabledAt: services.now(),
    })
    await expect(enableApiKey(services, developer, id)).rejects.toMatchObject(denied)
    await enableApiKey(services, admin, id)
  })

  test('a key that was enabled remembers nothing of who disabled it before', async () => {
    const id = await make()
    await disableApiKey(services, operator, id)
    await enableApiKey(services, operator, id)
    await disableApiKey(services, developer, id)
    await enableApiKey(services, developer, id)
  })

  test('a service account that the operator disabled stays disabled for its administrator', async () => {
    const { id } = await createServiceAccount(services, admin, { name: 'billing' })
    await disableServiceAccount(services, admin, id, because)
    expect(await showServiceAccount(services, admin, id)).toMatchObject({ disabledBy: 'key_admin' })
    await disableServiceAccount(services, operator, id, because)
    expect(await showServiceAccount(services, admin, id)).toMatchObject({ disabledBy: 'key_operator' })
    await expect(enableServiceAccount(services, admin, id)).rejects.toMatchObject(denied)
    expect(await showServiceAccount(services, admin, id)).toMatchObject({ disabledAt: expect.any(String) })
    await enableServiceAccount(services, operator, id)
    expect(await showServiceAccount(services, admin, id)).toMatchObject({ disabledAt: null, disabledBy: null })
    await disableServiceAccount(services, admin, id, because)
    await enableServiceAccount(services, admin, id)
  })
})
