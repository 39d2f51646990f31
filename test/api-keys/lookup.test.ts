import { afterEach, describe, expect, test, vi } from 'vitest'
import { systemPrincipal } from '../../src/access/principal.ts'
import { generateApiKey } from '../../src/api-keys/format.ts'
import { createApiKeyLookup } from '../../src/api-keys/lookup.ts'
import { revokeApiKey } from '../../src/api-keys/revoke.ts'
import { nodePlatform } from '../../src/node/platform.ts'
import { databaseKinds } from '../support/databases.ts'
import { interceptPreparedSelects } from '../support/intercepted-database.ts'
import { startTestService } from '../support/test-service.ts'

describe.each(databaseKinds)('looking keys up on %s', async (kind) => {
  const service = await startTestService(kind)
  const { services } = service
  const hashOf = async (secret: string) => await services.platform.sha256(secret)

  test('finds the key with everything that decides about its use, and the generation of the key ring', async () => {
    const organizationId = await service.createOrganization()
    const expiresAt = new Date('2030-01-01T00:00:00.000Z')
    const { id, secret } = await service.createKey({
      organizationId,
      scopes: ['orders:read'],
      audiences: ['https://a.example'],
      expiresAt,
    })
    expect(await services.apiKeys.byHash(await hashOf(secret))).toEqual({
      hash: await hashOf(secret),
      hashAlgorithm: 'sha256',
      imported: false,
      id,
      version: 1,
      versionExpiresAt: null,
      versionEnded: false,
      organizationId,
      organizationSuspendedAt: null,
      serviceAccountId: null,
      serviceAccountDisabledAt: null,
      environment: 'live',
      scopes: ['orders:read'],
      audiences: ['https://a.example'],
      roles: [],
      subject: null,
      tokenAlgorithm: null,
      expiresAt,
      ended: false,
      customClaims: null,
      allowedCidrs: [],
      deniedCidrs: [],
      disabledAt: null,
      revokedAt: null,
      revocationPlanned: false,
      revocationMark: null,
      ringGeneration: expect.any(Number),
    })
  })

  test('finds nothing for an unknown secret', async () => {
    expect(await services.apiKeys.byHash(await hashOf(generateApiKey('live')))).toBeUndefined()
  })

  test('many lookups at once each get their own key, and unknown secrets get nothing', async () => {
    const keys = await Promise.all(Array.from({ length: 20 }, () => service.createKey()))
    const secrets = keys.flatMap(({ secret }) => [secret, generateApiKey('live'), secret])
    const found = await Promise.all(secrets.map(async (secret) => await services.apiKeys.byHash(await hashOf(secret))))
    expect(found.map((record) => record?.id)).toEqual(keys.flatMap(({ id }) => [id, undefined, id]))
  })

  test('more lookups than fit into one select are split, and none is lost', async () => {
    const apiKeys = createApiKeyLookup({ db: services.db, platform: nodePlatform(), maxBatch: 3 })
    const keys = await Promise.all(Array.from({ length: 10 }, () => service.createKey()))
    const hashes = await Promise.all(keys.map(({ secret }) => hashOf(secret)))
    const found = await Promise.all(hashes.map((hash) => apiKeys.byHash(hash)))
    expect(found.map((record) => record?.id)).toEqual(keys.map(({ id }) => id))
  })

  test('an answer includes every change that was committed before the lookup', async () => {
    const { id, secret } = await service.createKey()
    const hash = await hashOf(secret)
    expect((await services.apiKeys.byHash(hash))?.revokedAt).toBeNull()
    await revokeApiKey(services, systemPrincipal, id, { reason: 'leaked' })
    expect((await services.apiKeys.byHash(hash))?.revokedAt).toEqual(service.clock.now())
  })

  test('a database error fails every lookup of its select, and the next select works again', async () => {
    const turns: (() => void)[] = []
    const broken = createApiKeyLookup({ db: services.db, platform: { endOfTurn: (task) => turns.push(task) } })
    const asked = [broken.byHash('\0'), broken.byHash('other')]
    for (const turn of turns.splice(0)) turn()
    for (const lookup of asked) await expect(lookup).rejects.toThrow()
    const { id, secret } = await service.createKey()
    const again = broken.byHash(await hashOf(secret))
    for (const turn of turns.splice(0)) turn()
    expect((await again)?.id).toBe(id)
  })

  describe('while a select is running', () => {
    afterEach(() => {
      vi.useRealTimers()
    })

    /** A lookup whose first select hangs until it is released. `sent` lists the hashes of each select. */
    async function hangingLookup() {
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
      const sent: unknown[] = []
      const { promise: gate, resolve: letGo } = Promise.withResolvers<void>()
      const db = interceptPreparedSelects(services.db, async (values) => {
        sent.push(Object(values).hashes)
        if (sent.length === 1) await gate
      })
      const keys = await Promise.all(Array.from({ length: 3 }, () => service.createKey()))
      const hashes = await Promise.all(keys.map(({ secret }) => hashOf(secret)))
      const apiKeys = createApiKeyLookup({ db, platform: nodePlatform() })
      const ask = async (index: number) => {
        const found = apiKeys.byHash(hashes[index] ?? '').then((record) => record?.id)
        await new Promise((resolve) => setImmediate(resolve))
        return { found }
      }
      return { ask, letGo, sent, hashes, ids: keys.map(({ id }) => id) }
    }

    test('lookups of later turns wait for it and share the next select', async () => {
      const { ask, letGo, sent, hashes, ids } = await hangingLookup()
      const asked = [await ask(0), await ask(1), await ask(2)]
      expect(sent).toEqual([[hashes[0]]])
      letGo()
      expect(await Promise.all(asked.map(({ found }) => found))).toEqual(ids)
      expect(sent).toEqual([[hashes[0]], [hashes[1], hashes[2]]])
    })

    test('a hanging select delays others by no more than a few milliseconds', async () => {
      const { ask, letGo, sent, hashes, ids } = await hangingLookup()
      const [first, second] = [await ask(0), await ask(1)]
      expect(sent).toEqual([[hashes[0]]])
      vi.advanceTimersByTime(5)
      expect(await second.found).toBe(ids[1])
      letGo()
      expect(await first.found).toBe(ids[0])
    })
  })
})
