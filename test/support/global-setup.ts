import { createHash, randomUUID } from 'node:crypto'
import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import postgres from 'postgres'
import type { TestProject } from 'vitest/node'
import { migrate, migrationsFolder } from '../../src/db/migrate.ts'
import { openEmbedded } from '../../src/db/pglite.ts'
import { findChromium } from './find-chromium.ts'
import { findSoftHsm } from './find-soft-hsm.ts'
import { createPostgresCluster, findPostgresBinaries } from './postgres-cluster.ts'

/** Where the test files find their databases. */
export type TestDatabases = {
  /** Tar of a migrated, empty embedded database. */
  embeddedTemplate: string
  /** Superuser's connection string and the name of a migrated, empty template database; null where there is no PostgreSQL. */
  postgres: { url: string; template: string } | null
}

declare module 'vitest' {
  interface ProvidedContext {
    databases: TestDatabases
    /** The library of a software HSM (PKCS #11); null where there is none. */
    softHsm: string | null
    /** The program of a browser; null where there is none. */
    chromium: string | null
  }
}

/** Once a run: a migrated template of each kind of database, from which every test file gets fresh copies. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  project.provide('softHsm', await softHsm())
  project.provide('chromium', browser())
  const [embeddedTemplate, server] = await Promise.all([embeddedTemplateFile(), startPostgres()])
  project.provide('databases', {
    embeddedTemplate,
    postgres: server ? { url: server.url, template: server.template } : null,
  })
  console.log(
    server
      ? `databases: embedded, postgres (${server.from})`
      : 'databases: embedded only; no PostgreSQL server binaries and no TEST_DATABASE_URL',
  )
  return async () => server?.stop()
}

/** KEKs in a PKCS #11 token are tested where the library is installed and the optional package that speaks to it was built. */
async function softHsm(): Promise<string | null> {
  const library = findSoftHsm()
  const lacking =
    library === undefined
      ? 'softhsm2 is not installed'
      : await import('pkcs11js').then(
          () => undefined,
          () => 'pkcs11js was not built',
        )
  if (lacking !== undefined && process.env.CI === 'true')
    throw new Error(`with CI=true the tests need a software HSM: ${lacking}`)
  console.log(
    lacking === undefined
      ? `HSM: softhsm2 (${library})`
      : `HSM: none, KEKs in a PKCS #11 token are not tested; ${lacking}`,
  )
  return lacking === undefined ? (library ?? null) : null
}

/** The reference page is looked at where there is a browser. */
function browser(): string | null {
  const program = findChromium()
  if (program === undefined && process.env.CI === 'true')
    throw new Error('with CI=true the tests need a browser: chromium is not installed')
  console.log(
    program === undefined
      ? 'browser: none, pages are not looked at; chromium is not installed'
      : `browser: chromium (${program})`,
  )
  return program ?? null
}

async function startPostgres() {
  const given = process.env.TEST_DATABASE_URL
  const binaries = findPostgresBinaries()
  if (!given && !binaries) {
    if (process.env.CI === 'true')
      throw new Error('with CI=true the tests need PostgreSQL: install its server binaries, or set TEST_DATABASE_URL')
    return undefined
  }
  const cluster = given || !binaries ? undefined : await createPostgresCluster(binaries)
  const url = cluster?.url() ?? given ?? ''
  const template = await createTemplate(url)
  const stop = async () => {
    if (cluster) await cluster.destroy()
    else await administer(url, (sql) => sql`drop database if exists ${sql(template)} with (force)`)
  }
  return { url, template, stop, from: cluster ? binaries : 'TEST_DATABASE_URL' }
}

async function createTemplate(url: string): Promise<string> {
  const template = `mintage_template_${randomUUID().replaceAll('-', '')}`
  await administer(url, (sql) => sql`create database ${sql(template)}`)
  const target = new URL(url)
  target.pathname = `/${template}`
  await migrate(target.href)
  return template
}

async function administer(url: string, run: (sql: postgres.Sql) => PromiseLike<unknown>): Promise<void> {
  const sql = postgres(url, { max: 1, onnotice: () => {} })
  await run(sql)
  await sql.end()
}

/** Making a database in WebAssembly takes seconds, loading one a quarter: the template is kept until the migrations change. */
async function embeddedTemplateFile(): Promise<string> {
  const folder = fileURLToPath(new URL('../../node_modules/.cache/mintage', import.meta.url))
  const file = join(folder, `embedded-${await embeddedFingerprint()}.tar`)
  if (
    await readFile(file).then(
      () => true,
      () => false,
    )
  )
    return file
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
