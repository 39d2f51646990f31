import { randomUUID } from 'node:crypto'
import { openAsBlob } from 'node:fs'
import postgres from 'postgres'
import { inject } from 'vitest'
import type { Database } from '../../src/db/database.ts'
import { openEmbedded } from '../../src/db/pglite.ts'
import { openPostgres } from '../../src/db/postgres.ts'
import { releaseAfterFile } from './cleanup.ts'
import { leaseEmbedded, leasePostgres } from './database-pool.ts'

export type DatabaseKind = Database['kind']

export type TestDatabase = Database & {
  /** Connection string of the database's owner; PostgreSQL only. */
  readonly url?: string
}

const { embeddedTemplate, postgres: server } = inject('databases')

/** The kinds that this machine can run: `describe.each(databaseKinds)('… on %s', (kind) => …)`. */
export const databaseKinds: readonly DatabaseKind[] = server ? ['embedded', 'postgres'] : ['embedded']

type OpenOptions = {
  /** The default suits a slow machine. */
  deadlineMilliseconds?: number
  /** A new database, not an emptied one that an earlier file used: for tests about files, statistics or deadlines. */
  isNew?: boolean
}

const patientMilliseconds = 60_000

/** A migrated database without rows, for this test file only. Closed when the file ends. */
export async function openTestDatabase(kind: DatabaseKind, options: OpenOptions = {}): Promise<TestDatabase> {
  const { deadlineMilliseconds = patientMilliseconds, isNew = deadlineMilliseconds !== patientMilliseconds } = options
  if (kind === 'postgres')
    return openPostgresCopy(
      isNew ? await newDatabase('migrated') : await createPostgresDatabase(),
      deadlineMilliseconds,
    )
  const open = async () =>
    await openEmbedded({ memory: true, loadDataDir: await openAsBlob(embeddedTemplate), deadlineMilliseconds })
  if (!isNew) return await leaseEmbedded(open)
  const database = await open()
  releaseAfterFile(() => database.close())
  return database
}

/** Connection string of a database for this test file only, without rows, and without tables if `empty`. */
export async function createPostgresDatabase(content: 'migrated' | 'empty' = 'migrated'): Promise<string> {
  if (!server) throw new Error('PostgreSQL is not installed: check databaseKinds first')
  if (content === 'migrated') return await leasePostgres(server.url, () => createDatabase(content))
  return await newDatabase(content)
}

async function newDatabase(content: 'migrated' | 'empty'): Promise<string> {
  const url = await createDatabase(content)
  releaseAfterFile(() => dropDatabase(url))
  return url
}

async function createDatabase(content: 'migrated' | 'empty'): Promise<string> {
  if (!server) throw new Error('PostgreSQL is not installed: check databaseKinds first')
  const { template, prefix } = server
  const name = `${prefix}${randomUUID().replaceAll('-', '')}`
  const sql = postgres(server.url, { max: 1, onnotice: () => {} })
  // Copying the files is several times faster than PostgreSQL's default, which copies through the log.
  await (content === 'empty'
    ? sql`create database ${sql(name)}`
    : sql`create database ${sql(name)} template ${sql(template)} strategy file_copy`)
  await sql.end()
  const url = new URL(server.url)
  url.pathname = `/${name}`
  return url.href
}

async function dropDatabase(url: string): Promise<void> {
  const sql = postgres(server?.url ?? '', { max: 1, onnotice: () => {} })
  await sql`drop database if exists ${sql(new URL(url).pathname.slice(1))} with (force)`
  await sql.end()
}

function openPostgresCopy(url: string, deadlineMilliseconds: number): TestDatabase {
  const database = openPostgres({ url, pooler: 'none', directUrl: url, deadlineMilliseconds })
  releaseAfterFile(() => database.close())
  return { ...database, url }
}
