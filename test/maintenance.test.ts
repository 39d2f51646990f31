import { eq, sql } from 'drizzle-orm'
import { describe, expect, test } from 'vitest'
import { auditCheckpoints, auditEvents, leases, signingKeyActivations } from '../src/db/schema.ts'
import { runMaintenance } from '../src/maintenance.ts'
import { nextMaintenanceAt } from '../src/signing-keys/maintenance.ts'
import { databaseKinds } from './support/databases.ts'
import { interceptTransactions } from './support/intercepted-database.ts'
import { secondInstance } from './support/second-instance.ts'
import { startTestService, type TestService } from './support/test-service.ts'

/** Another instance over the same database and clock. */
const instance = (service: TestService, db = service.database) => secondInstance(service, db).services

const rotateEverySeconds = 30 * 86_400

describe.each(databaseKinds)('maintenance on %s', (kind) => {
  test('publishes the next keys after an activation, once among all instances', async () => {
    const service = await startTestService(kind)
    service.clock.advance(rotateEverySeconds)
    const instances = Array.from({ length: 8 }, () => instance(service))
    const ran = await Promise.all(instances.map((each) => runMaintenance(each)))
    expect(ran.filter((held) => held).length).toBeGreaterThanOrEqual(1)
    expect(
      (await service.database.db.select().from(auditEvents)).filter(({ type }) => type === 'signing_key.created'),
    ).toHaveLength(2)
    expect(await runMaintenance(instance(service))).toBe(true)
    expect(
      (await service.database.db.select().from(auditEvents)).filter(({ type }) => type === 'signing_key.created'),
    ).toHaveLength(2)
  })

  test('runs on one instance at a time, and on the next one after the first was killed', async () => {
    const service = await startTestService(kind)
    const { db } = service.database
    await runMaintenance(service.services)
    await db.update(leases).set({ holder: 'killed', expiresAt: new Date(service.clock.now().getTime() + 15_000) })
    expect(await runMaintenance(instance(service))).toBe(false)
    service.clock.advance(15)
    expect(await runMaintenance(instance(service))).toBe(true)
  })

  test('a task that fails does not keep the others from running, and is reported', async () => {
    const service = await startTestService(kind)
    const { db } = service.database
    await db.execute(sql`alter table api_key_usage rename to api_key_usage_away`)
    await db.execute(sql`alter table verifiers rename to verifiers_away`)
    service.clock.advance(rotateEverySeconds)
    await expect(runMaintenance(service.services)).rejects.toThrow(/tasks failed/)
    expect((await db.select().from(auditEvents)).filter(({ type }) => type === 'signing_key.created')).toHaveLength(2)
    expect(await db.select().from(auditCheckpoints)).toHaveLength(1)
    expect((await db.select().from(leases))[0]?.expiresAt.getTime()).toBeLessThanOrEqual(service.clock.now().getTime())
  })

  test('an instance that was paused beyond its lease is stopped by the fence and writes nothing', async () => {
    const service = await startTestService(kind)
    const { db } = service.database
    service.clock.advance(rotateEverySeconds)
    const awake = instance(service)
    const asleep = interceptTransactions(service.database, async () => {
      // Paused between reading the ring and writing: the lease expires, and another instance does the work and more.
      service.clock.advance(60)
      await runMaintenance(awake)
      await db.update(leases).set({ expiresAt: service.clock.now() })
      expect(await runMaintenance(awake)).toBe(true)
    })
    expect(await runMaintenance(instance(service, asleep))).toBe(false)
    expect(service.logged).toContainEqual(expect.objectContaining({ event: 'maintenance_superseded', fence: 1 }))
    for (const purpose of ['token', 'record'] as const) {
      const rows = await db.select().from(signingKeyActivations).where(eq(signingKeyActivations.purpose, purpose))
      expect(rows.map(({ sequence }) => sequence).sort()).toEqual([1, 2, 3])
    }
  })

  test('is due at the next activation, and at once when something is missing', async () => {
    const service = await startTestService(kind)
    const start = service.clock.now().getTime()
    expect(await nextMaintenanceAt(service.services)).toEqual(new Date(start + rotateEverySeconds * 1000))
    service.clock.advance(rotateEverySeconds + 5)
    expect(await nextMaintenanceAt(service.services)).toEqual(service.clock.now())
    await runMaintenance(service.services)
    expect(await nextMaintenanceAt(service.services)).toEqual(new Date(start + 2 * rotateEverySeconds * 1000))
  })
})
