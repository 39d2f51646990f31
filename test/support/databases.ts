import { randomUUID } from 'node:crypto'
import { openAsBlob } from 'node:fs'
import postgres from 'postgres'
import { inject } from 'vitest'
import type { Database } from '../../src/db/database.ts'
import { openEmbedded } from '../../src/db/pglite.ts'
import { openPostgres } from '../../src/db/postgres.ts'
import { releaseAfterFile } from './cleanup.ts'

export type DatabaseKind = Database['kind']

export type TestDatabase = Database & {
  /** Connection string as its owner; only of PostgreSQL. */
  readonly url?: string
}

const { embeddedTemplate, postgres: server } = inject('databases')

/** The kinds that this machine can run: `describe.each(databaseKinds)('… on %s', (kind) => …)`. */
export const databaseKinds: readonly DatabaseKind[] = server ? ['embedded', 'postgres'] : ['embedded']

/** A fresh, migrated, empty database of the test file's own, closed and dropped when the file ends. The default deadline suits a busy machine. */
export async function openTestDatabase(
  kind: DatabaseKind,
  { deadlineMilliseconds = 15_000 } = {},
): Promise<TestDatabase> {
  const database =
    kind === 'embedded' ? await openEmbeddedCopy(deadlineMilliseconds) : await openPostgresCopy(deadlineMilliseconds)
  releaseAfterFile(() => database.close())
  return database
}

/** Connection string of a fresh database; migrated, unless an empty one is asked for. */
export async function createPostgresDatabase(content: 'migrated' | 'empty' = 'migrated'): Promise<string> {
  if (!server) throw new Error('no PostgreSQL here: ask databaseKinds first')
  const name = `mintage_test_${randomUUID().replaceAll('-', '')}`
  await administer(server.url, (sql) =>
    content === 'empty'
      ? sql`create database ${sql(name)}`
      : sql`create database ${sql(name)} template ${sql(server.template)} ${strategy(sql)}`,
  )
  releaseAfterFile(() => administer(server.url, (sql) => sql`drop database if exists ${sql(name)} with (force)`))
  const url = new URL(server.url)
  url.pathname = `/${name}`
  return url.href
}

/** Copying files is several times as fast as PostgreSQL's default of copying through the log. */
const strategy = (sql: postgres.Sql) => sql`strategy file_copy`

async function openEmbeddedCopy(deadlineMilliseconds: number): Promise<TestDatabase> {
  return openEmbedded({ memory: true, loadDataDir: await openAsBlob(embeddedTemplate), deadlineMilliseconds })
}

async function openPostgresCopy(deadlineMilliseconds: number): Promise<TestDatabase> {
  const url = await createPostgresDatabase()
  return { ...openPostgres({ url, pooler: 'none', directUrl: url, deadlineMilliseconds }), url }
}

async function administer(url: string, run: (sql: postgres.Sql) => PromiseLike<unknown>): Promise<void> {
  const sql = postgres(url, { max: 1, onnotice: () => {} })
  await run(sql)
  await sql.end()
}
