import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { sql } from 'drizzle-orm'
import { getTableConfig, type PgTable } from 'drizzle-orm/pg-core'
import postgres from 'postgres'
import { beforeAll, describe, expect, test } from 'vitest'
import type { Db } from '../../src/db/database.ts'
import { sqlState } from '../../src/db/failure.ts'
import { latestMigration } from '../../src/db/latest-migration.ts'
import { migrate, migrationsFolder } from '../../src/db/migrate.ts'
import { migrationState } from '../../src/db/migration-state.ts'
import { openEmbedded } from '../../src/db/pglite.ts'
import * as schema from '../../src/db/schema.ts'
import { claimBootstrap } from '../../src/db/service-state.ts'
import { createPostgresDatabase, databaseKinds, openTestDatabase, type TestDatabase } from '../support/databases.ts'

const instant = new Date('2026-01-01T00:00:00.250Z')
const generation = 1767225600250
const rule = {
  id: 'rev_1',
  kind: 'token',
  value: 'jti',
  issuedBefore: instant,
  effectiveAt: instant,
  reason: 'test',
  actor: 'system',
  createdAt: instant,
} as const

test('the migration that the code expects is the last one in the folder', () => {
  const { entries } = JSON.parse(readFileSync(join(migrationsFolder, 'meta/_journal.json'), 'utf8'))
  expect(entries.at(-1)).toMatchObject(latestMigration)
})

test('docs/migrations.md says of each migration whether the code before it still works', () => {
  const { entries } = JSON.parse(readFileSync(join(migrationsFolder, 'meta/_journal.json'), 'utf8'))
  const page = readFileSync(new URL('../../docs/migrations.md', import.meta.url), 'utf8')
  const rows = [...page.matchAll(/^\| `(\w+)` \| (works|stops) \| \S/gm)].map(([, tag, olderCode]) => ({
    tag,
    olderCode,
  }))
  expect(rows.map(({ tag }) => tag)).toEqual(entries.map(({ tag }: { tag: string }) => tag))
  // Older than the first release.
  const exceptions = ['0004_organizations_and_keys', '0005_audit_chain_order']
  for (const { tag, olderCode } of rows) {
    if (exceptions.includes(tag ?? '')) continue
    const shutsOut = /code without migration \d+ cannot use/.test(
      readFileSync(join(migrationsFolder, `${tag}.sql`), 'utf8'),
    )
    expect([tag, shutsOut]).toEqual([tag, olderCode === 'stops'])
  }
})

describe.each(databaseKinds)('on %s', (kind) => {
  let database: TestDatabase
  let db: Db
  beforeAll(async () => {
    database = await openTestDatabase(kind)
    db = database.db
    await claimBootstrap(db, { largestTokenTtlSeconds: 3600, now: new Date(generation) })
  })

  test('a migrated database is current, and one migrated by a newer version is ahead', async () => {
    expect(await migrationState(db)).toBe('current')
    await db.execute(
      sql`insert into drizzle.__drizzle_migrations (hash, created_at) values ('newer', ${latestMigration.when + 1})`,
    )
    expect(await migrationState(db)).toBe('ahead')
    const shutOut = (when: number) =>
      sql.raw(`comment on table service_state is 'code without migration ${when} cannot use this schema'`)
    await db.execute(shutOut(latestMigration.when))
    expect(await migrationState(db)).toBe('ahead')
    await db.execute(shutOut(latestMigration.when + 1))
    expect(await migrationState(db)).toBe('too_new')
    await db.execute(sql`comment on table service_state is null`)
    await db.execute(sql`delete from drizzle.__drizzle_migrations where hash = 'newer'`)
    await db.execute(sql`update drizzle.__drizzle_migrations set created_at = created_at - 1`)
    expect(await migrationState(db)).toBe('behind')
  })

  test('the revocation reader sees the view and no table', async () => {
    const asReader = <Result>(read: (tx: Parameters<Parameters<typeof db.transaction>[0]>[0]) => Promise<Result>) =>
      db.transaction(async (tx) => {
        await tx.execute(sql`set local role mintage_revocation_reader`)
        return read(tx)
      })
    expect(await asReader((tx) => tx.select({ id: sql`id` }).from(sql`mintage_revocations_v2`))).toHaveLength(1)
    const tables = Object.values(schema).map((table) => getTableConfig(table as PgTable).name)
    expect(tables).toContain('signing_keys')
    for (const table of tables) {
      const denied = await asReader((tx) => tx.select({ one: sql`1` }).from(sql`${sql.identifier(table)}`)).catch(
        sqlState,
      )
      expect([table, denied]).toEqual([table, '42501'])
    }
    const written = await asReader((tx) => tx.execute(sql`update mintage_revocations_v2 set reason = ''`)).catch(
      sqlState,
    )
    expect(['42501', '42703', '55000']).toContain(written)
  })

  test('the view shows times in seconds since 1970, and one row about the list itself', async () => {
    const read = () =>
      db
        .select({
          id: sql`id`,
          issuedBefore: sql`issued_before`,
          expiresAt: sql`expires_at`,
          lifted: sql`lifted`,
          sequence: sql`sequence::int`,
          generation: sql`generation::text`,
          prunedUpTo: sql`pruned_up_to::int`,
        })
        .from(sql`mintage_revocations_v2 order by id nulls first`)
    const list = { id: null, sequence: 0, generation: String(generation), prunedUpTo: 0 }
    expect(await read()).toMatchObject([list])
    await db.insert(schema.revocations).values(rule)
    const shown = { id: 'rev_1', issuedBefore: 1767225600.25, expiresAt: null, lifted: false, sequence: 1 }
    expect(await read()).toMatchObject([
      { ...list, sequence: 1 },
      { ...shown, generation: null, prunedUpTo: null },
    ])
  })

  test('listeners are notified of a rule, a new generation and a changed key ring', async () => {
    const heard: string[] = []
    for (const channel of ['mintage_revocations', 'mintage_keyring'])
      await database.listen?.(channel, () => heard.push(channel))
    const next = async () => {
      await expect.poll(() => heard.length).toBeGreaterThan(0)
      return heard.splice(0)
    }
    await expect.poll(() => heard.splice(0)).toEqual(expect.arrayContaining(['mintage_keyring']))
    await db.insert(schema.revocations).values({ ...rule, id: 'rev_2' })
    expect(await next()).toEqual(['mintage_revocations'])
    await db.update(schema.revocations).set({ liftedAt: instant })
    expect(await next()).toEqual(['mintage_revocations'])
    await db.update(schema.serviceState).set({ ringGeneration: sql`${schema.serviceState.ringGeneration} + 1` })
    expect(await next()).toEqual(['mintage_keyring'])
    await db.update(schema.revocationState).set({ largestTokenTtlSeconds: 7200 })
    await db.update(schema.revocationState).set({ generation: generation + 1 })
    expect(await next()).toEqual(['mintage_revocations'])
  })
})

test('an embedded database is empty before it is migrated, and migrating it again changes nothing', async () => {
  const database = await openEmbedded({ memory: true })
  expect(await migrationState(database.db)).toBe('empty')
  await migrate(database)
  await migrate(database)
  expect(await migrationState(database.db)).toBe('current')
  await database.db.execute(
    sql`insert into drizzle.__drizzle_migrations (hash, created_at) values ('newer', ${latestMigration.when + 1})`,
  )
  await expect(migrate(database)).rejects.toThrow('newer version of mintage')
  await database.close()
})

describe.runIf(databaseKinds.includes('postgres'))('PostgreSQL', () => {
  test('migrated by several processes at once is migrated once, and a newer schema is refused with a clear error', async () => {
    const url = await createPostgresDatabase('empty')
    await Promise.all([migrate(url), migrate(url), migrate(url)])
    const admin = postgres(url, { max: 1, onnotice: () => {} })
    const { entries } = JSON.parse(readFileSync(join(migrationsFolder, 'meta/_journal.json'), 'utf8'))
    expect(await admin`select 1 from drizzle.__drizzle_migrations`).toHaveLength(entries.length)
    await admin`insert into drizzle.__drizzle_migrations (hash, created_at) values ('newer', ${latestMigration.when + 1})`
    await expect(migrate(url)).rejects.toThrow('newer version of mintage')
    await admin.end()
  })
})
