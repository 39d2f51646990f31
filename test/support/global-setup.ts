import { createHash, randomUUID } from 'node:crypto'
import { access, mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import postgres from 'postgres'
import type { TestProject } from 'vitest/node'
import { migrate, migrationsFolder } from '../../src/db/migrate.ts'
import { openEmbedded } from '../../src/db/pglite.ts'
import { findSoftHsm } from './find-soft-hsm.ts'
import { createPostgresCluster, findPostgresBinaries } from './postgres-cluster.ts'

/** Where the test files find their databases. */
type TestDatabases = {
  /** Path of a tar that holds a migrated, empty embedded database. */
  embeddedTemplate: string
  /** Null where PostgreSQL is not installed. */
  postgres: {
    /** Connection string of a superuser. */
    url: string
    /** Name of a migrated, empty database. */
    template: string
    /** Every database of this run has a name that starts with this. */
    prefix: string
  } | null
}

declare module 'vitest' {
  interface ProvidedContext {
    databases: TestDatabases
    /** Path of the library of a software HSM (PKCS #11); null where none is installed. */
    softHsm: string | null
  }
}

/** Runs once a run: makes a migrated template of each kind of database. Test files get copies of it. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  project.provide('softHsm', await softHsm())
  const [embeddedTemplate, server] = await Promise.all([embeddedTemplateFile(), startPostgres()])
  project.provide('databases', { embeddedTemplate, postgres: server?.provided ?? null })
  console.log(
    server
      ? `databases: embedded, postgres (${server.from})`
      : 'databases: embedded only; found no PostgreSQL server binaries and no TEST_DATABASE_URL',
  )
  return async () => server?.stop()
}

/** KEKs in a PKCS #11 token are tested where the library is installed and its optional npm package was built. */
async function softHsm(): Promise<string | null> {
  const library = findSoftHsm()
  const missing =
    library === undefined
      ? 'softhsm2 is not installed'
      : await import('pkcs11js').then(
          () => undefined,
          () => 'pkcs11js was not built',
        )
  if (missing !== undefined && process.env.CI === 'true')
    throw new Error(`with CI=true, the tests need a software HSM: ${missing}`)
  console.log(
    missing === undefined
      ? `HSM: softhsm2 (${library})`
      : `HSM: none, so KEKs in a PKCS #11 token are not tested; ${missing}`,
  )
  return missing === undefined ? (library ?? null) : null
}

async function startPostgres() {
  const given = process.env.TEST_DATABASE_URL
  const binaries = findPostgresBinaries()
  if (!given && !binaries) {
    if (process.env.CI === 'true')
      throw new Error('with CI=true, the tests need PostgreSQL: install its server binaries, or set TEST_DATABASE_URL')
    return undefined
  }
  const cluster = given || !binaries ? undefined : await createPostgresCluster(binaries)
  const url = cluster?.url() ?? given ?? ''
  const prefix = `mintage_test_${randomUUID().replaceAll('-', '').slice(0, 12)}_`
  const template = await createTemplate(url, `${prefix}template`)
  const stop = async () => {
    if (cluster) await cluster.destroy()
    else await dropDatabases(url, prefix)
  }
  return { provided: { url, template, prefix }, stop, from: cluster ? binaries : 'TEST_DATABASE_URL' }
}

async function createTemplate(url: string, template: string): Promise<string> {
  await administer(url, (sql) => sql`create database ${sql(template)}`)
  const target = new URL(url)
  target.pathname = `/${template}`
  await migrate(target.href)
  return template
}

async function dropDatabases(url: string, prefix: string): Promise<void> {
  await administer(url, async (sql) => {
    const databases = await sql`select datname from pg_database where starts_with(datname, ${prefix})`
    for (const { datname } of databases) await sql`drop database if exists ${sql(datname)} with (force)`
  })
}

async function administer(url: string, run: (sql: postgres.Sql) => PromiseLike<unknown>): Promise<void> {
  const sql = postgres(url, { max: 1, onnotice: () => {} })
  await run(sql)
  await sql.end()
}

/** Creating a database in WebAssembly takes seconds, so the template is kept until the migrations change. */
async function embeddedTemplateFile(): Promise<string> {
  const folder = fileURLToPath(new URL('../../node_modules/.cache/mintage', import.meta.url))
  const file = join(folder, `embedded-${await embeddedFingerprint()}.tar`)
  const exists = await access(file).then(
    () => true,
    () => false,
  )
  if (exists) return file
  const database = await openEmbedded({ memory: true })
  await migrate(database)
  const tar = await database.dump()
  await database.close()
  await mkdir(folder, { recursive: true })
  const draft = `${file}.${randomUUID()}`
  await writeFile(draft, Buffer.from(await tar.arrayBuffer()))
  await rename(draft, file)
  return file
}

async function embeddedFingerprint(): Promise<string> {
  const hash = createHash('sha256')
  const entry = createRequire(import.meta.url).resolve('@electric-sql/pglite')
  hash.update(await readFile(join(dirname(dirname(entry)), 'package.json')))
  for (const name of (await readdir(migrationsFolder)).filter((name) => name.endsWith('.sql')).sort()) {
    hash.update(name).update(await readFile(join(migrationsFolder, name)))
  }
  return hash.digest('hex').slice(0, 16)
}
