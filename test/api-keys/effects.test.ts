import { describe, expect, test } from 'vitest'
import { createApiKey } from '../../src/api-keys/create.ts'
import { disableApiKey, expireApiKey } from '../../src/api-keys/disable.ts'
import { showApiKey } from '../../src/api-keys/read.ts'
import { rotateApiKey } from '../../src/api-keys/rotate.ts'
import type { ApiKeyChange } from '../../src/api-keys/settings.ts'
import { tryUpdatingApiKey, updateApiKey } from '../../src/api-keys/update.ts'
import { databaseKinds } from '../support/databases.ts'
import { principal } from '../support/principal.ts'
import { startTestService } from '../support/test-service.ts'

const denied = { code: 'permission_denied' }
const lastOne = { code: 'conflict', detail: expect.stringMatching(/^This would remove the last/) }

describe.each(databaseKinds)('one effect has one permission and one guard, on %s', async (kind) => {
  const service = await startTestService(kind)
  const { services, clock } = service
  const own = await service.createOrganization()
  const admin = principal(own, ['admin'], { clientId: 'key_admin' })
  const agent = principal(own, ['write_agent'], { clientId: 'key_agent' })
  const soon = () => new Date(clock.now().getTime() + 1000)
  const later = () => new Date(clock.now().getTime() + 86_400_000)
  const make = async (by = admin, change: Omit<ApiKeyChange, 'name'> = {}) =>
    (await createApiKey(services, by, { name: 'orders', environment: 'live', ...change })).apiKey

  describe('a caller who may edit a key but not end it', () => {
    test('cannot end it by an earlier expiry', async () => {
      const { id } = await make()
      const ending = updateApiKey(services, agent, id, { expiresAt: soon() })
      await expect(ending).rejects.toMatchObject({ ...denied, detail: expect.stringMatching(/api_keys\.revoke/) })
      await expect(tryUpdatingApiKey(services, agent, id, { expiresAt: soon() })).rejects.toMatchObject(denied)
      expect(await showApiKey(services, admin, id)).toMatchObject({ expiresAt: null, revision: 1 })
      await updateApiKey(services, admin, id, { expiresAt: soon() })
    })

    test('can postpone its expiry, and can end what it created', async () => {
      const { id } = await make(admin, { expiresAt: soon() })
      await updateApiKey(services, agent, id, { expiresAt: later() })
      const mine = await make(agent)
      await updateApiKey(services, agent, mine.id, { expiresAt: soon() })
    })

    test('cannot shut its clients out by address ranges, but can let more in', async () => {
      const { id } = await make(admin, { allowedCidrs: ['192.0.2.0/24'], deniedCidrs: ['192.0.2.7'] })
      for (const change of [
        { allowedCidrs: ['203.0.113.0/24'] },
        { allowedCidrs: ['192.0.2.0/25'] },
        { deniedCidrs: ['192.0.2.0/24'] },
      ]) {
        await expect(updateApiKey(services, agent, id, change)).rejects.toMatchObject(denied)
      }
      await updateApiKey(services, agent, id, { allowedCidrs: [], deniedCidrs: [] })
      await expect(updateApiKey(services, agent, id, { allowedCidrs: ['::1'] })).rejects.toMatchObject(denied)
      await updateApiKey(services, admin, id, { allowedCidrs: ['::1'] })
    })

    test('cannot take its roles away', async () => {
      const { id } = await make(admin, { roles: ['write_agent'] })
      await expect(updateApiKey(services, agent, id, { roles: [] })).rejects.toMatchObject(denied)
      expect(await showApiKey(services, admin, id)).toMatchObject({ roles: ['write_agent'] })
      const mine = await make(agent, { roles: ['write_agent'] })
      await updateApiKey(services, agent, mine.id, { roles: [] })
    })

    test('can still change what has no such effect', async () => {
      const { id } = await make()
      const changed = { description: 'x', labels: ['a'], name: 'renamed', expiresAt: null, roles: [] }
      expect(await updateApiKey(services, agent, id, changed)).toMatchObject({ name: 'renamed' })
    })
  })

  describe.each<[string, 'root' | 'admin']>([
    ['root key', 'root'],
    ['administrator', 'admin'],
  ])('the last %s', (_, role) => {
    /** The only holder of the role. Its address is 192.0.2.7. */
    async function last() {
      const fresh = await startTestService(kind, { emptied: false })
      const organizationId = role === 'root' ? fresh.organizationId : await fresh.createOrganization()
      const { id } =
        role === 'root' ? await rootKeyOf(fresh) : await fresh.createKey({ organizationId, roles: ['admin'] })
      return { fresh, id, organizationId, actor: principal(organizationId, [role], { clientId: id }) }
    }
    async function rootKeyOf({ services: of, rootKey }: typeof service) {
      const found = await of.apiKeys.byHash(await of.platform.sha256(rootKey))
      if (!found) throw new Error('the root key is missing')
      return found
    }

    test('is not ended by an expiry, as little as by expiring or disabling it', async () => {
      const { fresh, id, organizationId, actor } = await last()
      const root = principal(organizationId, ['root'])
      await expect(expireApiKey(fresh.services, root, id)).rejects.toMatchObject(lastOne)
      await expect(disableApiKey(fresh.services, root, id)).rejects.toMatchObject(lastOne)
      for (const by of [root, actor]) {
        for (const expiresAt of [soon(), later()]) {
          await expect(updateApiKey(fresh.services, by, id, { expiresAt })).rejects.toMatchObject(lastOne)
          await expect(tryUpdatingApiKey(fresh.services, by, id, { expiresAt })).rejects.toMatchObject(lastOne)
          const rotation = { change: { expiresAt } }
          await expect(rotateApiKey(fresh.services, root, id, rotation)).rejects.toMatchObject(lastOne)
        }
      }
      expect(await showApiKey(fresh.services, root, id)).toMatchObject({ expiresAt: null, revision: 1 })
    })

    test('is one that is left when the earlier expiry comes', async () => {
      const { fresh, id, organizationId, actor } = await last()
      const root = principal(organizationId, ['root'])
      const other = await fresh.createKey({ organizationId, roles: [role], expiresAt: soon() })
      await expect(updateApiKey(fresh.services, actor, id, { expiresAt: later() })).rejects.toMatchObject(lastOne)
      await updateApiKey(fresh.services, root, other.id, { expiresAt: null })
      await updateApiKey(fresh.services, root, id, { expiresAt: later() })
    })

    test('does not shut itself out by address ranges', async () => {
      const { fresh, id, actor } = await last()
      const nowhere = { ...actor, origin: { ...actor.origin, address: null } }
      for (const change of [{ allowedCidrs: ['203.0.113.0/24'] }, { deniedCidrs: ['192.0.0.0/16'] }]) {
        await expect(updateApiKey(fresh.services, actor, id, change)).rejects.toMatchObject(lastOne)
      }
      const allowedCidrs = ['192.0.2.0/24']
      await expect(updateApiKey(fresh.services, nowhere, id, { allowedCidrs })).rejects.toMatchObject(lastOne)
      expect(await updateApiKey(fresh.services, actor, id, { allowedCidrs })).toMatchObject({ allowedCidrs })
    })

    test.each<Record<string, string[]>>([
      { deniedCidrs: ['0.0.0.0/0', '::/0'] },
      { deniedCidrs: ['0.0.0.0/1', '128.0.0.0/1', '::/0'] },
      { allowedCidrs: ['192.0.2.0/24'], deniedCidrs: ['192.0.2.0/25', '192.0.2.128/25'] },
    ])('is not shut out at every address by anyone: %j', async (everywhere) => {
      const { fresh, id, organizationId, actor } = await last()
      const root = principal(organizationId, ['root'])
      await expect(updateApiKey(fresh.services, root, id, everywhere)).rejects.toMatchObject(lastOne)
      const other = await fresh.createKey({ organizationId, roles: [role] })
      await updateApiKey(fresh.services, root, other.id, everywhere)
      await expect(disableApiKey(fresh.services, actor, id)).rejects.toMatchObject(lastOne)
      await updateApiKey(fresh.services, root, other.id, { deniedCidrs: [] })
      await disableApiKey(fresh.services, actor, id)
    })
  })
})
