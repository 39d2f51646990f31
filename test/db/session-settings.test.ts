import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { eq, sql } from 'drizzle-orm'
import postgres from 'postgres'
import { describe, expect, test } from 'vitest'
import type { Db } from '../../src/db/database.ts'
import { migrate } from '../../src/db/migrate.ts'
import { migrationState } from '../../src/db/migration-state.ts'
import { openEmbedded } from '../../src/db/pglite.ts'
import { openPostgres } from '../../src/db/postgres.ts'
import { organizations, revocationState, revocations } from '../../src/db/schema.ts'
import { discard, openClient } from '../../src/kit/revocation/view-client.ts'
import { createViewReader } from '../../src/kit/revocation/view-reader.ts'
import { releaseAfterFile } from '../support/cleanup.ts'
import { createPostgresDatabase, databaseKinds, openTestDatabase } from '../support/databases.ts'

/** Everything that a role, a database or a server may set, set to something else. */
const contrary = {
  DateStyle: 'SQL, DMY',
  TimeZone: 'Asia/Kolkata',
  IntervalStyle: 'iso_8601',
  bytea_output: 'escape',
  extra_float_digits: '-15',
  standard_conforming_strings: 'off',
  search_path: 'nowhere',
  default_transaction_isolation: 'serializable',
  default_transaction_deferrable: 'on',
}

const setDefaults = (database: string, settings: Readonly<Record<string, string>>) =>
  Object.entries(settings).map(([name, value]) => `alter database "${database}" set ${name} = '${value}'`)

/** 5 April, which another DateStyle turns into 4 May. */
const createdAt = new Date('2026-04-05T06:07:08.009Z')
const organization = { id: 'org_dates', name: 'Dates', plan: 'free', createdAt }

async function expectRightDates(db: Db) {
  const [created] = await db.insert(organizations).values(organization).returning()
  expect(created?.createdAt).toEqual(createdAt)
  const [read] = await db.select().from(organizations).where(eq(organizations.id, organization.id))
  expect(read?.createdAt).toEqual(createdAt)
  const inTransaction = await db.transaction(async (tx) => ({
    rows: await tx.select().from(organizations).where(eq(organizations.createdAt, createdAt)),
    isolation: await tx
      .select({ level: sql<string>`current_setting('transaction_isolation')` })
      .from(sql`(select 1) as one`),
  }))
  expect(inTransaction).toMatchObject({ rows: [{ createdAt }], isolation: [{ level: 'read committed' }] })
}

describe.runIf(databaseKinds.includes('postgres'))('on a PostgreSQL whose defaults are all different', () => {
  /** A database of its own: others must not get its defaults. */
  async function contraryDatabase(settings: Readonly<Record<string, string>>, content?: 'empty') {
    const url = content
      ? await createPostgresDatabase(content)
      : ((await openTestDatabase('postgres', { isNew: true })).url ?? '')
    await inDatabase(url, setDefaults(new URL(url).pathname.slice(1), settings))
    return url
  }
  async function inDatabase(url: string, statements: readonly string[]) {
    const owner = postgres(url, { max: 1, onnotice: () => {} })
    for (const statement of statements) await owner.unsafe(statement)
    await owner.end()
  }

  test('the service reads the dates that it wrote', async () => {
    const database = openPostgres({
      url: await contraryDatabase(contrary),
      pooler: 'none',
      deadlineMilliseconds: 60_000,
    })
    releaseAfterFile(() => database.close())
    await expectRightDates(database.db)
  })

  test('so does one behind a transaction pooler, which keeps what a client asks for at the start', async () => {
    const { search_path: _, ...settings } = contrary
    const database = openPostgres({
      url: await contraryDatabase(settings),
      pooler: 'transaction',
      deadlineMilliseconds: 60_000,
    })
    releaseAfterFile(() => database.close())
    await expectRightDates(database.db)
  })

  test('one whose dates cannot be read is not used', async () => {
    const url = new URL(await contraryDatabase({}))
    url.searchParams.set('DateStyle', 'SQL, DMY')
    const database = openPostgres({ url: url.href, pooler: 'transaction', deadlineMilliseconds: 60_000 })
    releaseAfterFile(() => database.close())
    await expect(database.db.select().from(organizations)).rejects.toMatchObject({
      cause: { code: 'database_unavailable', cause: { message: expect.stringContaining('set DateStyle to ISO') } },
    })
  })

  test('notifications arrive', async () => {
    const database = openPostgres({
      url: await contraryDatabase(contrary),
      pooler: 'none',
      deadlineMilliseconds: 60_000,
    })
    releaseAfterFile(() => database.close())
    let calls = 0
    await database.listen?.('news', () => calls++)
    await expect.poll(() => calls).toBe(1)
    await database.db.execute(sql`notify news`)
    await expect.poll(() => calls).toBe(2)
  })

  test.each(['none', 'transaction'] as const)(
    'an application reads the times of rules to the microsecond, pooler: %s',
    async (pooler) => {
      const url = await contraryDatabase(contrary)
      const service = openPostgres({ url, pooler: 'none', deadlineMilliseconds: 60_000 })
      releaseAfterFile(() => service.close())
      await service.db.insert(revocationState).values({ generation: 1, largestTokenTtlSeconds: 3600 })
      await service.db.insert(revocations).values({
        id: 'rev_dates',
        kind: 'token',
        value: 'jti',
        issuedBefore: createdAt,
        effectiveAt: createdAt,
        reason: 'test',
        actor: 'system',
        createdAt,
      })
      const reader = createViewReader({
        open: (onLost) => openClient({ url, pooler, deadlineMilliseconds: 60_000, onLost }),
        discard,
        keepsClient: true,
        deadlineMilliseconds: 60_000,
      })
      releaseAfterFile(() => reader.close())
      const seconds = createdAt.getTime() / 1000
      expect((await reader.read(0)).rows).toMatchObject([
        { issuedBefore: seconds, effectiveAt: seconds, expiresAt: null },
      ])
      expect([...(await reader.find(['token:jti'])).keys()]).toEqual(['token:jti'])
    },
  )

  test('the schema is created where the service looks for it', async () => {
    const url = await contraryDatabase(contrary, 'empty')
    await migrate(url)
    const database = openPostgres({ url, pooler: 'none', deadlineMilliseconds: 60_000 })
    releaseAfterFile(() => database.close())
    expect(await migrationState(database.db)).toBe('current')
    await expectRightDates(database.db)
  })

  test('a database that is not UTF-8 is not migrated', async () => {
    const url = new URL(await createPostgresDatabase('empty'))
    const name = `${url.pathname.slice(1)}_latin1`
    await inDatabase(url.href, [
      `create database "${name}" encoding 'LATIN1' lc_collate 'C' lc_ctype 'C' template template0`,
    ])
    releaseAfterFile(() => inDatabase(url.href, [`drop database "${name}" with (force)`]))
    const latin = new URL(url)
    latin.pathname = `/${name}`
    await expect(migrate(latin.href)).rejects.toThrow(
      /^the encoding of the database is LATIN1, .*create database mintage encoding 'UTF8'/,
    )
    await inDatabase(latin.href, ['create table nothing_was_created_before ()'])
  })
})

test('an embedded database whose defaults are all different gives the dates that were written', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'mintage-settings-'))
  releaseAfterFile(() => rm(folder, { recursive: true, force: true }))
  const first = await openEmbedded({ folder, deadlineMilliseconds: 60_000 })
  await migrate(first)
  for (const [name, value] of Object.entries(contrary))
    await first.db.execute(sql.raw(`alter system set ${name} = '${value}'`))
  await first.close()
  const again = await openEmbedded({ folder, deadlineMilliseconds: 60_000 })
  releaseAfterFile(() => again.close())
  await expectRightDates(again.db)
})
