import { eq } from 'drizzle-orm'
import { describe, expect, test } from 'vitest'
import { systemPrincipal } from '../../src/access/principal.ts'
import { createApiKey } from '../../src/api-keys/create.ts'
import { disableApiKey } from '../../src/api-keys/disable.ts'
import { purgeApiKeys } from '../../src/api-keys/maintenance.ts'
import { showApiKey } from '../../src/api-keys/read.ts'
import { revokeApiKey } from '../../src/api-keys/revoke.ts'
import { rotateApiKey } from '../../src/api-keys/rotate.ts'
import { updateApiKey } from '../../src/api-keys/update.ts'
import { apiKeyUsage, apiKeyVersions, revocations } from '../../src/db/schema.ts'
import { runMaintenance } from '../../src/maintenance.ts'
import { eventsOf } from '../support/audit-trail.ts'
import { databaseKinds } from '../support/databases.ts'
import { exchange, tryExchange } from '../support/oauth-requests.ts'
import { addRule } from '../support/revocation-rules.ts'
import { startTestService } from '../support/test-service.ts'

const day = 86_400

describe.each(databaseKinds)('maintenance of API keys on %s', async (kind) => {
  const service = await startTestService(kind)
  const { services, clock } = service
  const organizationId = await service.createOrganization()
  const create = async (more = {}) =>
    (
      await createApiKey(services, systemPrincipal, {
        name: 'looked after',
        environment: 'live',
        organizationId,
        ...more,
      })
    ).apiKey
  const eventsAbout = (subject: string, type: string) => eventsOf(services, { subject, type })

  describe('a rotation that is due soon', () => {
    test('is reminded of once, a week ahead, and again in the next period', async () => {
      const { id, rotationDueAt } = await create({ rotateEverySeconds: 30 * day })
      clock.advance(23 * day - 1)
      await runMaintenance(services)
      expect(await eventsAbout(id, 'api_key.rotation_due')).toEqual([])
      clock.advance(1)
      for (let run = 0; run < 3; run += 1) await runMaintenance(services)
      expect(await eventsAbout(id, 'api_key.rotation_due')).toEqual([
        expect.objectContaining({ actor: 'system', organizationId, context: { version: 1, dueAt: rotationDueAt } }),
      ])
      clock.advance(7 * day)
      await rotateApiKey(services, systemPrincipal, id, {})
      await runMaintenance(services)
      expect(await eventsAbout(id, 'api_key.rotation_due')).toHaveLength(1)
      clock.advance(24 * day)
      await runMaintenance(services)
      const [, second] = await eventsAbout(id, 'api_key.rotation_due')
      expect(second).toMatchObject({
        context: { version: 2, dueAt: new Date(clock.now().getTime() + 6 * day * 1000).toISOString() },
      })
    })

    test('of a short period is reminded of in its last quarter', async () => {
      const { id } = await create({ rotateEverySeconds: 4 * 3600 })
      clock.advance(3 * 3600 - 1)
      await runMaintenance(services)
      expect(await eventsAbout(id, 'api_key.rotation_due')).toEqual([])
      clock.advance(1)
      await runMaintenance(services)
      expect(await eventsAbout(id, 'api_key.rotation_due')).toHaveLength(1)
    })

    test('is reminded of again when the period changes, and not when another setting does', async () => {
      const { id } = await create({ rotateEverySeconds: day })
      clock.advance(day)
      await runMaintenance(services)
      await updateApiKey(services, systemPrincipal, id, { name: 'other' })
      await runMaintenance(services)
      expect(await eventsAbout(id, 'api_key.rotation_due')).toHaveLength(1)
      await updateApiKey(services, systemPrincipal, id, { rotateEverySeconds: day + 3600 })
      await runMaintenance(services)
      expect(await eventsAbout(id, 'api_key.rotation_due')).toHaveLength(2)
    })

    test('of a dead or disabled key is not reminded of', async () => {
      const keys = [await create({ rotateEverySeconds: day }), await create({ rotateEverySeconds: day })]
      await revokeApiKey(services, systemPrincipal, keys[0]?.id ?? '', { reason: 'unused' })
      await disableApiKey(services, systemPrincipal, keys[1]?.id ?? '')
      clock.advance(day)
      await runMaintenance(services)
      for (const { id } of keys) expect(await eventsAbout(id, 'api_key.rotation_due')).toEqual([])
    })

    test('never stops the key, however late it is', async () => {
      const { apiKey, secret } = await createApiKey(services, systemPrincipal, {
        ...{ name: 'late', environment: 'live', organizationId, rotateEverySeconds: 3600 },
      })
      clock.advance(400 * day)
      await runMaintenance(services)
      expect((await tryExchange(service, secret)).status).toBe(200)
      expect(await showApiKey(services, systemPrincipal, apiKey.id)).toMatchObject({ status: 'usable' })
    })
  })

  describe('a key that has long been dead', () => {
    const remains = async (id: string) =>
      await services.db.select().from(apiKeyVersions).where(eq(apiKeyVersions.apiKeyId, id))
    const isGone = async (id: string) =>
      await showApiKey(services, systemPrincipal, id).then(
        () => false,
        (error: unknown) => Object(error).code === 'not_found',
      )

    test('is deleted after ninety days with its versions and usage; its audit events stay', async () => {
      const { secret, apiKey } = await createApiKey(services, systemPrincipal, {
        name: 'gone',
        environment: 'live',
        organizationId,
      })
      await exchange(service, secret)
      await services.usage.flush()
      await disableApiKey(services, systemPrincipal, apiKey.id)
      await revokeApiKey(services, systemPrincipal, apiKey.id, { reason: 'unused' })
      const expired = await create({ expiresAt: new Date(clock.now().getTime() + 1000) })
      const endedAt = clock.now()
      clock.advance(90 * day)
      await runMaintenance(services)
      expect([await isGone(apiKey.id), await isGone(expired.id)]).toEqual([false, false])
      clock.advance(2)
      await runMaintenance(services)
      expect([await isGone(apiKey.id), await isGone(expired.id)]).toEqual([true, true])
      expect(await remains(apiKey.id)).toEqual([])
      expect(await services.db.select().from(apiKeyUsage).where(eq(apiKeyUsage.apiKeyId, apiKey.id))).toEqual([])
      expect(await eventsAbout(apiKey.id, 'api_key.created')).toHaveLength(1)
      expect(await eventsAbout(apiKey.id, 'api_key.purged')).toEqual([
        expect.objectContaining({ actor: 'system', context: { name: 'gone', endedAt: endedAt.toISOString() } }),
      ])
      const rules = await services.db.select().from(revocations).where(eq(revocations.value, apiKey.id))
      expect(rules.every(({ expiresAt, liftedAt }) => expiresAt !== null || liftedAt !== null)).toBe(true)
    })

    test('stays while one of its tokens may be alive or a rule about it is on the list', async () => {
      const used = await service.createKey({ organizationId, revokedAt: clock.now() })
      const ruled = await service.createKey({ organizationId, revokedAt: clock.now() })
      const lastExpiresAt = new Date(clock.now().getTime() + 100 * day * 1000)
      const use = {
        apiKeyId: used.id,
        version: 1,
        exchanges: 1,
        lastUsedAt: clock.now(),
        lastExpiresAt,
        addresses: [],
        agents: [],
      }
      await services.db.insert(apiKeyUsage).values(use)
      await addRule(services.db, clock.now(), { kind: 'api_key', value: ruled.id, effectiveAt: lastExpiresAt })
      clock.advance(95 * day)
      await runMaintenance(services)
      expect([await isGone(used.id), await isGone(ruled.id)]).toEqual([false, false])
      clock.advance(6 * day)
      await runMaintenance(services)
      expect([await isGone(used.id), await isGone(ruled.id)]).toEqual([true, true])
    })

    test('does not include disabled keys and keys that end later', async () => {
      const disabled = await service.createKey({ organizationId, disabledAt: clock.now() })
      const ending = await service.createKey({
        organizationId,
        revokedAt: new Date(clock.now().getTime() + 100 * day * 1000),
      })
      clock.advance(99 * day)
      await runMaintenance(services)
      expect([await isGone(disabled.id), await isGone(ending.id)]).toEqual([false, false])
    })

    test('is deleted once, however many instances run maintenance', async () => {
      const keys = await Promise.all(
        Array.from({ length: 5 }, () => service.createKey({ organizationId, revokedAt: clock.now() })),
      )
      clock.advance(91 * day)
      await Promise.all(Array.from({ length: 4 }, () => purgeApiKeys(services)))
      for (const { id } of keys) expect(await eventsAbout(id, 'api_key.purged')).toHaveLength(1)
    })
  })
})
