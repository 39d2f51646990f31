import { eq, sql } from 'drizzle-orm'
import postgres from 'postgres'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Database } from '../../src/db/database.ts'
import { databaseFailure } from '../../src/db/failure.ts'
import { migrate } from '../../src/db/migrate.ts'
import { migrationState } from '../../src/db/migration-state.ts'
import { openPostgres } from '../../src/db/postgres.ts'
import { organizations } from '../../src/db/schema.ts'
import { createPostgresCluster, findPostgresBinaries, type PostgresCluster } from '../support/postgres-cluster.ts'

const binaries = findPostgresBinaries()
const refusedWithoutTrying = 'the database has been failing'

/** Public code and private reason of one call. */
async function attempt(database: Database): Promise<{ code: string; reason: string | undefined }> {
  return await database.db
    .select()
    .from(organizations)
    .then(
      () => ({ code: 'ok', reason: undefined }),
      (error: unknown) => {
        const failure = databaseFailure(error)
        return { code: failure?.code ?? 'other', reason: failure?.reason }
      },
    )
}

/** Freezes and kills the server, so it starts a separate one. */
describe.runIf(binaries !== undefined)('a PostgreSQL server', () => {
  let cluster: PostgresCluster
  let database: Database

  beforeAll(async () => {
    cluster = await createPostgresCluster(binaries ?? '', { fsync: 'on', synchronous_commit: 'on' })
    const owner = postgres(cluster.url(), { max: 1, onnotice: () => {} })
    await owner`create role plain_owner login`
    await owner`create database mintage owner plain_owner`
    await owner.end()
    database = openPostgres({ url: cluster.url('mintage'), pooler: 'none' })
  })
  afterAll(async () => {
    await database?.close()
    await cluster?.destroy()
  })

  test('whose owner may not create roles is still migrated', async () => {
    await migrate(cluster.url('mintage').replace('mintage:loopback', 'plain_owner:loopback'))
    expect(await migrationState(database.db)).toBe('current')
    expect(await database.db.select().from(sql`pg_roles`).where(sql`rolname = 'mintage_revocation_reader'`)).toEqual([])
  })

  test('that falls silent fails calls at the deadline, then without trying, and is found again by itself', async () => {
    expect(await attempt(database)).toMatchObject({ code: 'ok' })
    cluster.pause()
    const first = await Promise.all(Array.from({ length: 20 }, () => attempt(database)))
    for (const { code } of first) expect(code).toBe('database_unavailable')
    expect(database.stats()).toMatchObject({ inFlight: 0, broken: true })
    // From time to time one call goes through, to see whether the server is back.
    await expect.poll(() => attempt(database)).toEqual({ code: 'database_unavailable', reason: refusedWithoutTrying })
    cluster.resume()
    await expect.poll(async () => (await attempt(database)).code).toBe('ok')
    expect(database.stats()).toMatchObject({ inFlight: 0, broken: false })
  })

  test('that is killed fails calls, is found again when it is back, and has lost nothing it acknowledged', async () => {
    await database.db
      .insert(organizations)
      .values({ id: 'org_kept', name: 'Kept', plan: 'free', createdAt: new Date(0) })
    await cluster.kill()
    for (let i = 0; i < 5; i++) {
      expect((await attempt(database)).code).toBe('database_unavailable')
    }
    await cluster.start()
    await expect.poll(async () => (await attempt(database)).code).toBe('ok')
    expect(
      await database.db.select({ id: organizations.id }).from(organizations).where(eq(organizations.id, 'org_kept')),
    ).toHaveLength(1)
  })
})

test('an address where nothing listens and an unknown host name fail with database_unavailable', async () => {
  for (const host of ['127.0.0.1:1', 'database.invalid:5432']) {
    const database = openPostgres({ url: `postgres://mintage:loopback@${host}/mintage`, pooler: 'none' })
    expect((await attempt(database)).code).toBe('database_unavailable')
    await database.close()
  }
})
