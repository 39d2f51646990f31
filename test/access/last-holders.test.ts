import { describe, expect, test } from 'vitest'
import { systemPrincipal } from '../../src/access/principal.ts'
import { showApiKey } from '../../src/api-keys/read.ts'
import { revokeApiKey, revokeOwnApiKey } from '../../src/api-keys/revoke.ts'
import { databaseKinds } from '../support/databases.ts'
import { startTestService } from '../support/test-service.ts'

const conflict = expect.objectContaining({ code: 'conflict' })
const reason = { reason: 'other' } as const

describe.each(databaseKinds)('A74: nobody can lock everyone out on %s', async (kind) => {
  const service = await startTestService(kind)
  const { services } = service
  const revoke = (id: string, force?: boolean) => revokeApiKey(services, systemPrincipal, id, { ...reason, force })
  const holderOf = (organizationId: string, roles: string[]) => service.createKey({ organizationId, roles })
  const statusOf = async (id: string) => (await showApiKey(services, systemPrincipal, id)).status

  test('the last working root key is not revoked, unless that is intended', async () => {
    const { id: first } = await rootKeyOf(service)
    await expect(revoke(first)).rejects.toThrow(conflict)
    expect(await statusOf(first)).toBe('usable')
    const second = await service.createKey({ roles: ['root'] })
    await revoke(first)
    await expect(revoke(second.id)).rejects.toThrow(conflict)
    await revoke(second.id, true)
    expect(await statusOf(second.id)).toBe('revoked')
  })

  test.each<[string, Parameters<typeof service.createKey>[0]]>([
    ['disabled', { disabledAt: services.now() }],
    ['expired', { expiresAt: services.now() }],
    ['of a version that ended', { versionExpiresAt: services.now() }],
    ['going to be revoked', { revokedAt: new Date(services.now().getTime() + 60_000) }],
  ])('a key that is %s does not count as remaining', async (_, dead) => {
    const organizationId = await service.createOrganization()
    const last = await holderOf(organizationId, ['admin'])
    await service.createKey({ organizationId, roles: ['admin'], ...dead })
    await expect(revoke(last.id)).rejects.toThrow(conflict)
  })

  test('the last administrator of an organization stays, no matter how many there are elsewhere', async () => {
    const organizationId = await service.createOrganization()
    const [first, second] = [
      await holderOf(organizationId, ['admin']),
      await holderOf(organizationId, ['read_only', 'admin']),
    ]
    await holderOf(await service.createOrganization(), ['admin'])
    await revoke(first.id)
    await expect(revoke(second.id)).rejects.toThrow(conflict)
    await revoke(second.id, true)
  })

  test('keys can be revoked freely if nobody could administer before', async () => {
    const organizationId = await service.createOrganization()
    const { id } = await holderOf(organizationId, ['developer'])
    await revoke(id)
    expect(await statusOf(id)).toBe('revoked')
  })

  test('its holder may revoke even the last key: it may have leaked', async () => {
    const organizationId = await service.createOrganization()
    const { id } = await holderOf(organizationId, ['admin'])
    await revokeOwnApiKey(services, { ...systemPrincipal, clientId: id, organizationId }, reason)
    expect(await statusOf(id)).toBe('revoked')
  })

  test('of ten administrators that are revoked at once, one remains', async () => {
    const organizationId = await service.createOrganization()
    const admins = await Promise.all(Array.from({ length: 10 }, () => holderOf(organizationId, ['admin'])))
    const outcomes = await Promise.allSettled(admins.map(({ id }) => revoke(id)))
    expect(outcomes.filter(({ status }) => status === 'rejected')).toEqual([{ status: 'rejected', reason: conflict }])
    const left = await Promise.all(admins.map(({ id }) => statusOf(id)))
    expect(left.filter((status) => status === 'usable')).toHaveLength(1)
  })
})

async function rootKeyOf(service: Awaited<ReturnType<typeof startTestService>>) {
  const { platform, apiKeys } = service.services
  const apiKey = await apiKeys.byHash(await platform.sha256(service.rootKey))
  if (!apiKey) throw new Error('there is a root key from the start')
  return apiKey
}
