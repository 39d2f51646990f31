import { sql } from 'drizzle-orm'
import { describe, expect, onTestFinished, test } from 'vitest'
import { latestMigration } from '../src/db/latest-migration.ts'
import { openPostgres } from '../src/db/postgres.ts'
import { createRefusedWrites } from '../src/db/refused-writes.ts'
import { createPrometheus } from '../src/observability/prometheus.ts'
import { checkReadiness } from '../src/readiness.ts'
import type { Services } from '../src/services.ts'
import { createKeyringCache } from '../src/signing-keys/keyring.ts'
import { adminClient } from './support/admin-client.ts'
import { movableClock } from './support/clock.ts'
import { createPostgresDatabase, databaseKinds } from './support/databases.ts'
import { startFarService } from './support/far-service.ts'
import { secondInstance } from './support/second-instance.ts'
import { startTestService } from './support/test-service.ts'
import { withDatabaseAway } from './support/unreachable-database.ts'

const refuseWith = (state: string) => sql.raw(`do $$ begin raise exception using errcode = '${state}'; end $$`)

describe.each(databaseKinds)('an instance on %s', (kind) => {
  test.each([
    ['its disk was full', '53100', 'room', 'it refused a change in the last minute: its disk is full'],
    [
      'a row stayed locked',
      '55P03',
      'lock',
      'it refused a change in the last minute: a row or table was locked for too long',
    ],
  ])(
    'stays in rotation, degraded, after the database refused a change because %s',
    async (_why, state, label, reason) => {
      const { app, services } = await startTestService(kind, { clock: movableClock(new Date()) })
      const prometheus = createPrometheus()
      prometheus.observe(services)
      await expect(services.db.transaction((tx) => tx.execute(refuseWith(state)))).rejects.toThrow()
      await expect(services.db.execute(refuseWith(state))).rejects.toThrow()

      const response = await app.request('/readyz')
      expect(response.status).toBe(200)
      const { status, checks } = await response.json()
      expect(status).toBe('degraded')
      expect(checks.database).toEqual({ state: 'degraded', reason })
      expect((await prometheus.metrics.render())?.text).toMatch(
        new RegExp(`mintage_database_writes_refused_total\\{reason="${label}"\\} [2-9]`),
      )
    },
  )
})

test.each([
  [0, 200, { state: 'ok', reason: 'the schema is newer than this version, which still works on it' }],
  [
    1,
    503,
    {
      state: 'failed',
      reason: 'the schema is newer than this version, which cannot use it: start the version that migrated it',
    },
  ],
])('a newer migration leaves running instances ready, unless it shuts them out (%i)', async (later, status, check) => {
  const { app, services } = await startTestService('embedded', { clock: movableClock(new Date()) })
  const newer = latestMigration.when + 1
  await services.db.execute(sql`insert into drizzle.__drizzle_migrations (hash, created_at) values ('newer', ${newer})`)
  await services.db.execute(
    sql.raw(
      `comment on table service_state is 'code without migration ${latestMigration.when + later} cannot use this schema'`,
    ),
  )
  const response = await app.request('/readyz')
  expect(response.status).toBe(status)
  expect((await response.json()).checks.migrations).toEqual(check)
})

test('a refused change is forgotten after a minute, and counted for ever', () => {
  let time = 0
  const refused = createRefusedWrites(() => time)
  refused.note(Object.assign(new Error('full'), { code: '53100', severity: 'ERROR' }))
  refused.note(Object.assign(new Error('syntax'), { code: '42601', severity: 'ERROR' }))
  time = 59_999
  expect(refused.latest()).toBe('room')
  time = 60_000
  expect(refused.latest()).toBeUndefined()
  expect(refused.counts()).toEqual({ room: 1, lock: 0 })
})

/** What a scrape says about the key ring. */
async function gauge(services: Services): Promise<string | undefined> {
  const prometheus = createPrometheus()
  prometheus.observe(services)
  const { text } = (await prometheus.metrics.render()) ?? { text: '' }
  return /^mintage_keyring_usable (\d)$/m.exec(text)?.[1]
}

test('while the database is away, readiness blames the database and not the key ring, and the metric agrees', async () => {
  const service = await startTestService()
  const keyringCache = createKeyringCache()
  const { services: before } = secondInstance(service, service.database, service.clock.now, { keyringCache })
  await before.keyring.signer('token')
  const { services } = withDatabaseAway(service, { keyringCache })
  const { status, checks } = await checkReadiness(services)
  expect(status).toBe('not_ready')
  expect(checks).toMatchObject({ database: { state: 'failed' }, keyRing: { state: 'ok' } })
  expect(await gauge(services)).toBe('1')
})

test('an instance that never read the key ring names the database as the cause, and the metric agrees', async () => {
  const { services } = withDatabaseAway(await startTestService())
  const { checks } = await checkReadiness(services)
  expect(checks.keyRing).toEqual({ state: 'failed', reason: 'the database does not answer' })
  expect(await gauge(services)).toBe('0')
})

describe.each(databaseKinds.filter((kind) => kind === 'postgres'))('a read-only server, %s,', () => {
  test('is named as the cause by every check that it fails', async () => {
    const service = await startTestService()
    const url = await createPostgresDatabase()
    const owner = openPostgres({ url, pooler: 'none', maxConnections: 1 })
    const name = new URL(url).pathname.slice(1)
    await owner.db.execute(sql.raw(`alter database "${name}" set default_transaction_read_only = on`))
    const database = openPostgres({ url, pooler: 'none' })
    onTestFinished(async () => {
      await database.close()
      await owner.db.execute(sql.raw(`alter database "${name}" reset default_transaction_read_only`))
      await owner.close()
    })
    const { services } = secondInstance(service, database, service.clock.now)
    const { checks } = await checkReadiness(services)
    const failure = { state: 'failed', reason: 'the server is read-only' }
    expect(checks).toMatchObject({ database: failure, migrations: failure, keyRing: failure })
  })
})

test.runIf(databaseKinds.includes('postgres'))(
  'after an outage, an instance that says it is ready exchanges keys and makes changes at once',
  async () => {
    const service = await startTestService('postgres', { clock: movableClock(new Date()) })
    const { secret } = await service.createKey({ scopes: ['orders:read'] })
    const instance = await startFarService(service)
    const exchange = async () =>
      (await instance.request('/token', { method: 'POST', headers: { 'X-API-Key': secret } })).status
    const create = async () =>
      (await adminClient(instance, service.rootKey)('POST', '/v1/api-keys', { name: 'x' })).status
    const port = Number(new URL(service.database.url ?? '').port)
    for (let outage = 0; outage < 3; outage++) {
      expect([await exchange(), await create()]).toEqual([200, 201])
      instance.proxy.retarget(1)
      for (let call = 0; call < 5; call++) {
        expect(await exchange()).toBe(503)
        await expect(instance.services.db.execute(sql`select 1`)).rejects.toThrow()
      }
      expect(instance.database.stats().broken).toBe(true)
      instance.proxy.retarget(port)
      await expect.poll(async () => (await instance.request('/readyz')).status, { interval: 5 }).toBe(200)
    }
    expect([await exchange(), await create()]).toEqual([200, 201])
  },
)
