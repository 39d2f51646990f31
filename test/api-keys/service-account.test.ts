import { describe, expect, test } from 'vitest'
import { systemPrincipal } from '../../src/access/principal.ts'
import { createApiKey } from '../../src/api-keys/create.ts'
import { rotateApiKey } from '../../src/api-keys/rotate.ts'
import { updateApiKey } from '../../src/api-keys/update.ts'
import { serviceAccounts } from '../../src/db/schema.ts'
import { databaseKinds } from '../support/databases.ts'
import { principal } from '../support/principal.ts'
import { startTestService } from '../support/test-service.ts'

describe.each(databaseKinds)('assigning an API key to a service account, on %s', async (kind) => {
  const service = await startTestService(kind)
  const { services, clock } = service
  const own = await service.createOrganization('own')
  const other = await service.createOrganization('other')
  const input = { name: 'orders', environment: 'live' } as const
  let count = 0

  async function account(
    organizationId: string,
    more: { roles?: string[]; createdBy?: string; disabledAt?: Date } = {},
  ): Promise<string> {
    count += 1
    const id = `svc_${count}`
    const whole = {
      id,
      organizationId,
      name: id,
      description: '',
      roles: [],
      createdAt: clock.now(),
      createdBy: 'system',
      ...more,
    }
    await services.db.insert(serviceAccounts).values(whole)
    return id
  }

  test('an admin assigns keys to every account of the organization, and to no other', async () => {
    const admin = principal(own, ['admin'])
    const [ours, theirs] = [await account(own), await account(other)]
    const { apiKey } = await createApiKey(services, admin, { ...input, serviceAccountId: ours })
    expect(apiKey.serviceAccountId).toBe(ours)
    const refusals = await Promise.all(
      [theirs, 'svc_missing'].map((serviceAccountId) =>
        createApiKey(services, admin, { ...input, serviceAccountId }).catch((error: unknown) => error),
      ),
    )
    expect(refusals[0]).toMatchObject({ code: 'not_found' })
    expect(refusals[0]).toEqual(refusals[1])
    await expect(
      createApiKey(services, systemPrincipal, { ...input, organizationId: own, serviceAccountId: theirs }),
    ).rejects.toMatchObject({
      code: 'not_found',
    })
  })

  test("a developer assigns keys to its own account and to those it created, not to a colleague's", async () => {
    const [shared, made, foreign] = [
      await account(own),
      await account(own, { createdBy: 'key_developer' }),
      await account(own),
    ]
    const developer = principal(own, ['developer'], { clientId: 'key_developer', serviceAccountId: shared })
    for (const serviceAccountId of [shared, made]) {
      expect(await createApiKey(services, developer, { ...input, serviceAccountId })).toMatchObject({
        apiKey: { serviceAccountId },
      })
    }
    await expect(createApiKey(services, developer, { ...input, serviceAccountId: foreign })).rejects.toMatchObject({
      code: 'not_found',
    })
  })

  test("a caller that may update every key but create only its own cannot reach an account's keys this way", async () => {
    const foreign = await account(own)
    const agent = principal(own, ['write_agent'], { clientId: 'key_agent' })
    const { apiKey } = await createApiKey(services, agent, input)
    const change = { serviceAccountId: foreign }
    await expect(updateApiKey(services, agent, apiKey.id, change)).rejects.toMatchObject({ code: 'not_found' })
    await expect(rotateApiKey(services, agent, apiKey.id, { change })).rejects.toMatchObject({ code: 'not_found' })
  })

  test('a key cannot hold a role that its account lacks, or join a disabled account', async () => {
    const admin = principal(own, ['admin'])
    const [developers, disabled] = [
      await account(own, { roles: ['developer'] }),
      await account(own, { disabledAt: clock.now() }),
    ]
    const { apiKey } = await createApiKey(services, admin, {
      ...input,
      serviceAccountId: developers,
      roles: ['developer'],
    })
    await expect(updateApiKey(services, admin, apiKey.id, { roles: ['developer', 'read_only'] })).rejects.toMatchObject(
      {
        code: 'invalid_request',
      },
    )
    await expect(
      createApiKey(services, admin, { ...input, serviceAccountId: developers, roles: ['admin'] }),
    ).rejects.toMatchObject({
      code: 'invalid_request',
    })
    await expect(createApiKey(services, admin, { ...input, serviceAccountId: disabled })).rejects.toMatchObject({
      code: 'conflict',
    })
    expect(
      await updateApiKey(services, admin, apiKey.id, { serviceAccountId: null, roles: ['read_only'] }),
    ).toMatchObject({
      serviceAccountId: null,
      roles: ['read_only'],
    })
  })

  test('a key of a disabled account does not start working by leaving it', async () => {
    const admin = principal(own, ['admin'])
    const [gone, usable] = [await account(own, { disabledAt: clock.now() }), await account(own)]
    const { id } = await service.createKey({ organizationId: own, serviceAccountId: gone })
    for (const serviceAccountId of [null, usable]) {
      const change = { serviceAccountId }
      await expect(updateApiKey(services, admin, id, change)).rejects.toMatchObject({ code: 'conflict' })
      await expect(rotateApiKey(services, admin, id, { change })).rejects.toMatchObject({ code: 'conflict' })
    }
    expect(await updateApiKey(services, admin, id, { name: 'renamed' })).toMatchObject({
      status: 'service_account_disabled',
    })
  })

  test('a key for a pipeline must expire', async () => {
    const admin = principal(own, ['admin'])
    await expect(createApiKey(services, admin, { ...input, roles: ['ci_service'] })).rejects.toMatchObject({
      code: 'lifetime_not_allowed',
    })
    const expiresAt = new Date(clock.now().getTime() + 3_600_000)
    const { apiKey } = await createApiKey(services, admin, { ...input, roles: ['ci_service'], expiresAt })
    await expect(updateApiKey(services, admin, apiKey.id, { expiresAt: null })).rejects.toMatchObject({
      code: 'lifetime_not_allowed',
    })
  })
})
