import { eq } from 'drizzle-orm'
import { describe, expect, test } from 'vitest'
import { cancelOwnRotation, cancelRotation } from '../../src/api-keys/cancel-rotation.ts'
import { createApiKey } from '../../src/api-keys/create.ts'
import { importApiKeys } from '../../src/api-keys/import.ts'
import { showApiKey } from '../../src/api-keys/read.ts'
import { rotateApiKey } from '../../src/api-keys/rotate.ts'
import type { ApiKeyChange } from '../../src/api-keys/settings.ts'
import { updateApiKey } from '../../src/api-keys/update.ts'
import { apiKeyVersions } from '../../src/db/schema.ts'
import { createServiceAccount } from '../../src/service-accounts/operations.ts'
import { databaseKinds } from '../support/databases.ts'
import { principal } from '../support/principal.ts'
import { startTestService } from '../support/test-service.ts'

const denied = { code: 'permission_denied', detail: expect.stringMatching(/with more reach than the caller has/) }
const day = 86_400_000

describe.each(databaseKinds)('who may loosen what somebody restricted, on %s', async (kind) => {
  const service = await startTestService(kind)
  const { services, clock } = service
  const own = await service.createOrganization()
  const operator = principal(own, ['root'], { clientId: 'key_operator' })
  const admin = principal(own, ['admin'], { clientId: 'key_admin' })
  const { id: account } = await createServiceAccount(services, admin, { name: 'team', roles: ['developer'] })
  const developer = principal(own, ['developer'], { clientId: 'key_developer', serviceAccountId: account })
  const sibling = principal(own, ['developer'], { clientId: 'key_sibling', serviceAccountId: account })
  const inDays = (days: number) => new Date(clock.now().getTime() + days * day)

  const make = async (by = developer, settings: Omit<ApiKeyChange, 'name'> = {}) => {
    const input = { name: 'orders', environment: 'live', serviceAccountId: account, ...settings } as const
    return (await createApiKey(services, by, input)).apiKey.id
  }
  const looser: ApiKeyChange[] = [{ expiresAt: null }, { expiresAt: inDays(90) }]
  const wider: ApiKeyChange[] = [
    { allowedCidrs: [] },
    { allowedCidrs: ['192.0.2.0/24', '198.51.100.0/24'] },
    { deniedCidrs: [] },
  ]

  test('a rotation is taken back only with the reach of the caller who rotated, also by the key itself', async () => {
    for (const [by, refused, allowed] of [
      [operator, [admin, developer, sibling], operator],
      [admin, [developer, sibling], operator],
      [developer, [], sibling],
    ] as const) {
      const id = await make()
      await rotateApiKey(services, by, id, { overlapSeconds: 3600 })
      const itself = principal(own, [], { clientId: id, apiKeyVersion: 2 })
      for (const actor of refused) await expect(cancelRotation(services, actor, id)).rejects.toMatchObject(denied)
      if (by !== developer) await expect(cancelOwnRotation(services, itself)).rejects.toMatchObject(denied)
      expect(await cancelRotation(services, allowed, id)).toMatchObject({ cancelledVersion: 2 })
    }
  })

  test('a rotation from before its reach was recorded is taken back by an administrator', async () => {
    const id = await make()
    await rotateApiKey(services, developer, id, { overlapSeconds: 3600 })
    await services.db.update(apiKeyVersions).set({ replacedReach: null }).where(eq(apiKeyVersions.apiKeyId, id))
    await expect(cancelRotation(services, developer, id)).rejects.toMatchObject(denied)
    expect(await cancelRotation(services, admin, id)).toMatchObject({ cancelledVersion: 2 })
  })

  test('a sibling key may loosen what the developer of the key set', async () => {
    const id = await make(developer, { expiresAt: inDays(5), allowedCidrs: ['192.0.2.0/24'] })
    await updateApiKey(services, sibling, id, { expiresAt: inDays(20), allowedCidrs: [] })
    await updateApiKey(services, developer, id, { expiresAt: null })
  })

  test('what an administrator set, its developer or a sibling key may not loosen, by no verb', async () => {
    const id = await make()
    const addresses = { allowedCidrs: ['192.0.2.0/24'], deniedCidrs: ['192.0.2.9/32'] }
    await updateApiKey(services, admin, id, { expiresAt: inDays(5), ...addresses })
    for (const change of [...looser, ...wider]) {
      for (const actor of [developer, sibling, { ...developer, clientId: id, apiKeyVersion: 1 }]) {
        await expect(updateApiKey(services, actor, id, change)).rejects.toMatchObject(denied)
        await expect(rotateApiKey(services, actor, id, { change })).rejects.toMatchObject(denied)
      }
    }
    expect(await showApiKey(services, admin, id)).toMatchObject({
      expiresAt: inDays(5).toISOString(),
      ...addresses,
      version: 1,
    })
    for (const change of [...looser.toReversed(), ...wider.toReversed()]) {
      await updateApiKey(services, admin, id, change)
    }
  })

  test('what an administrator set at creation or at an import counts as well', async () => {
    const created = await make(admin, { expiresAt: inDays(5) })
    const { rows } = await importApiKeys(services, admin, {
      rows: [
        {
          index: 0,
          key: {
            name: 'imported',
            environment: 'live',
            hash: 'b'.repeat(64),
            algorithm: 'sha256',
            serviceAccountId: account,
            expiresAt: inDays(5),
          },
        },
      ],
    })
    for (const id of [created, rows[0]?.result === 'created' ? rows[0].id : '']) {
      await expect(updateApiKey(services, developer, id, { expiresAt: null })).rejects.toMatchObject(denied)
      await updateApiKey(services, admin, id, { expiresAt: null })
    }
  })

  test('a developer may tighten it further, and may still change anything else', async () => {
    const id = await make(admin, { expiresAt: inDays(5), allowedCidrs: ['192.0.2.0/24'] })
    await updateApiKey(services, developer, id, { expiresAt: inDays(2), allowedCidrs: ['192.0.2.0/25'] })
    await expect(updateApiKey(services, developer, id, { expiresAt: inDays(5) })).rejects.toMatchObject(denied)
    await updateApiKey(services, developer, id, { description: 'x', labels: ['a'] })
    await rotateApiKey(services, developer, id, { change: { name: 'renamed' } })
    await expect(updateApiKey(services, developer, id, { allowedCidrs: [] })).rejects.toMatchObject(denied)
  })

  test('what the operator set, an administrator of the organization may not loosen', async () => {
    const id = await make(operator, { expiresAt: inDays(5) })
    await expect(updateApiKey(services, admin, id, { expiresAt: null })).rejects.toMatchObject(denied)
    await updateApiKey(services, operator, id, { expiresAt: null })
    await updateApiKey(services, developer, id, { expiresAt: inDays(3) })
    await updateApiKey(services, developer, id, { expiresAt: null })
  })

  test('what was set before this was recorded needs an administrator', async () => {
    const { id } = await service.createKey({
      organizationId: own,
      createdBy: developer.clientId,
      expiresAt: inDays(5),
      deniedCidrs: ['192.0.2.9/32'],
    })
    await expect(updateApiKey(services, developer, id, { expiresAt: null })).rejects.toMatchObject(denied)
    await expect(updateApiKey(services, developer, id, { deniedCidrs: [] })).rejects.toMatchObject(denied)
    await updateApiKey(services, admin, id, { expiresAt: null, deniedCidrs: [] })
  })
})
