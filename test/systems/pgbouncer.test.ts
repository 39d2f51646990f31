import { eq } from 'drizzle-orm'
import postgres from 'postgres'
import { beforeAll, describe, expect, inject, test } from 'vitest'
import { openPostgres } from '../../src/db/postgres.ts'
import { organizations } from '../../src/db/schema.ts'
import { releaseAfterFile } from '../support/cleanup.ts'
import { databaseKinds } from '../support/databases.ts'
import { createDeployment } from '../support/deployment.ts'
import { createKey, exchange, liveTheJourney, startProtectedApp } from '../support/journey.ts'
import { serve } from '../support/listening-service.ts'
import { type PgBouncer, startPgBouncer } from '../support/pgbouncer.ts'
import { secondInstance } from '../support/second-instance.ts'
import { eventually, type ServiceProcess, startServiceProcess } from '../support/service-process.ts'
import { startTestService } from '../support/test-service.ts'

const isPossible = inject('pgBouncer') !== null && databaseKinds.includes('postgres')

describe.runIf(isPossible)('the service behind a real PgBouncer in transaction mode', () => {
  let bouncer: PgBouncer
  let service: ServiceProcess
  let deployment: Awaited<ReturnType<typeof createDeployment>>

  beforeAll(async () => {
    // What a killed pooler leaves open is noticed at the deadline.
    deployment = await createDeployment({ MINTAGE_DATABASE_DEADLINE: '5s' })
    const { databaseUrl, env, port } = deployment
    bouncer = await startPgBouncer(databaseUrl)
    const pooled = { DATABASE_URL: bouncer.url, DATABASE_POOLER: 'transaction', DATABASE_DIRECT_URL: databaseUrl }
    service = await startServiceProcess({ port, env: { ...env, ...pooled } })
  })

  const newKey = () =>
    createKey(service.url, deployment.rootKey, { name: 'pooled', environment: 'test', scopes: ['orders:read'] })

  test('creates, exchanges and revokes keys, and applications soon refuse their tokens', async () => {
    const app = await startProtectedApp(deployment.issuer)
    await liveTheJourney(service, app, deployment.rootKey, 2000)
  })

  test('serves more clients at once than the pooler has server connections', async () => {
    // 60 requests wait for three connections: on a slow machine the last would meet the deadline of a request.
    const first = await startTestService('postgres')
    const pooler = await startPgBouncer(first.database.url ?? '')
    const database = openPostgres({ url: pooler.url, pooler: 'transaction', deadlineMilliseconds: 60_000 })
    releaseAfterFile(() => database.close())
    const url = await serve(secondInstance(first, database))
    const { secret } = await first.createKey()
    const tokens = await Promise.all(
      Array.from({ length: 60 }, () => exchange(url, { method: 'POST', headers: { 'x-api-key': secret } })),
    )
    expect(new Set(tokens).size).toBe(60)
  })

  /** Runs the statements as the owner, and opens the database through a pooler whose connections know them. */
  async function reopenAfter(...statements: string[]) {
    const owner = postgres(deployment.databaseUrl, { max: 1, onnotice: () => {} })
    for (const statement of statements) await owner.unsafe(statement)
    await owner.end()
    await bouncer.kill()
    await bouncer.start()
    const database = openPostgres({ url: bouncer.url, pooler: 'transaction', deadlineMilliseconds: 60_000 })
    releaseAfterFile(() => database.close())
    return database
  }
  const defaults = () => `alter database "${new URL(deployment.databaseUrl).pathname.slice(1)}"`

  test('reads and writes its own tables, whatever search_path the database has', async () => {
    const { db } = await reopenAfter(
      'create schema elsewhere',
      'create table elsewhere.organizations (like public.organizations including all)',
      `${defaults()} set search_path = elsewhere`,
    )
    const row = { id: 'org_path', name: 'Path', plan: 'free', createdAt: new Date('2026-04-05T06:07:08Z') }
    await db.insert(organizations).values(row)
    expect(await db.select().from(organizations).where(eq(organizations.id, row.id))).toMatchObject([row])
    const owner = postgres(deployment.databaseUrl, { max: 1, onnotice: () => {} })
    expect(await owner`select id from public.organizations where id = ${row.id}`).toEqual([{ id: row.id }])
    expect(await owner`select id from elsewhere.organizations`).toEqual([])
    await owner.unsafe(`${defaults()} reset search_path`)
    await owner.end()
  })

  test('reads the dates that it wrote, whatever DateStyle the database has', async () => {
    const database = await reopenAfter(`${defaults()} set DateStyle = 'SQL, DMY'`)
    const createdAt = new Date('2026-04-05T06:07:08.009Z')
    const row = { id: 'org_dates', name: 'Dates', plan: 'free', createdAt }
    expect(await database.db.insert(organizations).values(row).returning()).toMatchObject([{ createdAt }])
    expect(
      await database.db.transaction((tx) => tx.select().from(organizations).where(eq(organizations.id, row.id))),
    ).toMatchObject([{ createdAt }])
  })

  test('answers 503 while the pooler is gone, and recovers by itself', async () => {
    const { secret } = await newKey()
    const ask = () => fetch(`${service.url}/token`, { method: 'POST', headers: { 'x-api-key': secret } })
    await bouncer.kill()
    const refused = await ask()
    expect(refused.status).toBe(503)
    expect(refused.headers.get('retry-after')).toMatch(/^\d+$/)
    await bouncer.start()
    await eventually(async () => (await ask()).status === 200)
    await eventually(async () => (await fetch(`${service.url}/readyz`)).status === 200)
  })
})
