import { existsSync } from 'node:fs'
import type { Settings } from '../../config/settings.ts'
import type { Database } from '../../db/database.ts'
import { errorWords, findServerError } from '../../observability/error-words.ts'
import type { Cli } from '../runtime/command.ts'
import { CliError } from '../runtime/failure.ts'
import { locateFiles, readSettings } from '../runtime/settings.ts'
import { locate } from '../runtime/surroundings.ts'
import type { Finding } from './finding.ts'

/**
 * Checks configuration, database, migrations, clock, KEK and key ring, as a service that starts here would find them.
 * Reads only.
 */
export async function examineDatabase(cli: Cli): Promise<Finding[]> {
  const settings = await examineSettings(cli)
  if ('state' in settings) return [settings]
  const found: Finding[] = [{ name: 'configuration', state: 'ok' }]
  const opened = await open(settings, cli)
  if ('state' in opened) return [...found, opened]
  try {
    return [...found, ...(await examine(opened, locateFiles(settings, cli)))]
  } finally {
    await opened.close()
  }
}

async function examineSettings(cli: Cli): Promise<Settings | Finding> {
  try {
    return await readSettings(cli)
  } catch (error) {
    if (!(error instanceof CliError)) throw error
    return {
      name: 'configuration',
      state: 'failed',
      detail: error.message.replace(/\n\s*/g, ' · '),
      hint: 'mintage config; names and defaults are in docs/configuration.md',
    }
  }
}

async function open({ database }: Settings, cli: Cli): Promise<Database | Finding> {
  if (database.kind === 'postgres') {
    const { openPostgres } = await import('../../db/postgres.ts')
    const { url, pooler, directUrl, deadlineMilliseconds } = database
    return openPostgres({
      url,
      pooler,
      maxConnections: 1,
      readConnections: 0,
      deadlineMilliseconds,
      ...(directUrl === null ? {} : { directUrl }),
    })
  }
  if (database.folder === null)
    return { name: 'database', state: 'skipped', detail: 'the database is in the memory of the service' }
  const folder = locate(cli, database.folder)
  if (!existsSync(folder)) {
    if (cli.env.MINTAGE_URL)
      return { name: 'database', state: 'skipped', detail: 'not on this machine; the service runs elsewhere' }
    return {
      name: 'database',
      state: 'failed',
      detail: `no database in ${database.folder}`,
      hint: '`mintage serve` creates one',
    }
  }
  const { openEmbedded } = await import('../../db/pglite.ts')
  try {
    return await openEmbedded({ folder, deadlineMilliseconds: database.deadlineMilliseconds })
  } catch (error) {
    const words = error instanceof Error ? error.message : 'it cannot be opened'
    const holder = / is in use by (process \d+|another process)/.exec(words)?.[1]
    if (holder)
      return { name: 'database', state: 'skipped', detail: `in use by ${holder}, as expected while the service runs` }
    return { name: 'database', state: 'failed', detail: words, hint: 'see docs/configuration.md, or restore a backup' }
  }
}

async function examine(database: Database, settings: Settings): Promise<Finding[]> {
  const { findServiceState } = await import('../../db/service-state.ts')
  const reached = await examineServer(database)
  if (reached.state === 'failed') return [reached]
  const found = [
    reached,
    await attempt('migrations', 'run as the owner: mintage migrate', () => examineSchema(database)),
  ]
  if (found.some(({ state }) => state === 'failed')) return found
  found.push(
    await attempt('clock of database', 'synchronize both clocks with NTP', () => compareClocks(database, settings)),
  )
  const rights = await attempt('rights', grantsWanted, () => examineRights(database))
  found.push(rights)
  if (rights.state === 'failed') return found
  if ((await findServiceState(database.db)) === undefined) {
    return [
      ...found,
      { name: 'key ring', state: 'failed', detail: 'the database was never bootstrapped', hint: 'mintage bootstrap' },
    ]
  }
  const { requireChangeLocks } = await import('../../db/change-locks.ts')
  return [
    ...found,
    await attempt('locks', 'read docs/postgresql.md', async () => void (await requireChangeLocks(database.db))),
    await examineTransactions(database),
    await examineClaims(database),
    ...(await examineKeys(database, settings)),
  ]
}

const grantsWanted = 'run the grants in docs/postgresql.md as the owner'

/** A standby, a read-only server or an engine that is not PostgreSQL counts as failed: the service refuses it. */
async function examineServer({ db }: Database): Promise<Finding> {
  const { readServerState, unfitnessIn } = await import('../../db/service-state.ts')
  const unfitness = await readServerState(db).then(
    (state) => state.unfitness,
    (error: unknown) => unfitnessIn(error) ?? { words: errorWords(error) },
  )
  if (unfitness === undefined) {
    const { refuseUnfitEngine } = await import('../../db/engine.ts')
    return await attempt('database', 'read docs/postgresql.md', () => refuseUnfitEngine(db).then(() => undefined))
  }
  if (typeof unfitness === 'string')
    return {
      name: 'database',
      state: 'failed',
      detail: unfitness,
      hint: 'let DATABASE_URL name the primary, or every host of the cluster',
    }
  return {
    name: 'database',
    state: 'failed',
    detail: unfitness.words,
    hint: 'check DATABASE_URL, and that the server is up',
  }
}

async function examineSchema({ db }: Database): Promise<string | undefined> {
  const { migrationState } = await import('../../db/migration-state.ts')
  const state = await migrationState(db)
  if (state !== 'current')
    throw new Error(
      state === 'empty'
        ? 'it has no tables yet'
        : state === 'behind'
          ? 'the schema is older than this version'
          : 'the schema is newer than this version',
    )
  return undefined
}

/** The service appends to the audit trail and never changes it, so it needs fewer rights there. */
async function examineRights({ db }: Database): Promise<undefined> {
  const { findMissingRights } = await import('../../db/rights.ts')
  const missing = await findMissingRights(db)
  if (missing.length === 0) return undefined
  const words = missing.map(({ right, tables }) => `${right} on ${tables.join(', ')}`)
  throw new Error(`this role lacks ${words.join('; ')}`)
}

async function compareClocks({ db }: Database, { config }: Settings): Promise<string> {
  const { readServerState } = await import('../../db/service-state.ts')
  const skewSeconds = Math.round(((await readServerState(db)).clock.getTime() - Date.now()) / 1000)
  const words = `${Math.abs(skewSeconds)} s apart from this machine's`
  if (Math.abs(skewSeconds) > config.clockToleranceSeconds) throw new Error(words)
  return words
}

const longSeconds = 60

/**
 * A prepared transaction that nobody ends holds its locks for ever, so it counts as failed. A backup may be a long
 * transaction, which does no harm.
 */
async function examineTransactions({ db }: Database): Promise<Finding> {
  const { findOpenTransactions } = await import('../../db/open-transactions.ts')
  const { prepared, long } = await findOpenTransactions(db, longSeconds)
  const words = [
    ...prepared.map(({ id, minutes }) => `the transaction ${id} is prepared since ${minutes} min`),
    ...long.map(
      ({ pid, program, minutes }) => `process ${pid} (${program}) has a transaction open since ${minutes} min`,
    ),
  ]
  const found = words.length === 0 ? {} : { detail: words.join('; ') }
  if (prepared.length === 0) return { name: 'open transactions', state: 'ok', ...found }
  const hint = 'end each prepared one as its owner or a superuser: commit prepared or rollback prepared'
  return { name: 'open transactions', state: 'failed', ...found, hint }
}

const namedKeys = 20

/** Keys from before a name was reserved keep their claims, so this is not a failure. */
async function examineClaims({ db }: Database): Promise<Finding> {
  const { selectKeysWithReservedClaims } = await import('../../api-keys/reserved-claims-queries.ts')
  return await attempt('custom claims', 'read docs/reserved-claims.md', async () => {
    const keys = await selectKeysWithReservedClaims(db)
    if (keys.length === 0) return undefined
    const named = keys.slice(0, namedKeys).map(({ id, names }) => `${id} (${names.join(', ')})`)
    const more = keys.length > namedKeys ? ` and ${keys.length - namedKeys} more` : ''
    return `reserved now, so the next change of the key is refused: ${named.join(', ')}${more}`
  })
}

async function examineKeys(database: Database, settings: Settings): Promise<Finding[]> {
  const [{ openKeyEncryption }, { selfTest }, { nodePlatform }] = await Promise.all([
    import('../../node/open-database.ts'),
    import('../../signing-keys/self-test.ts'),
    import('../../node/platform.ts'),
  ])
  let keyEncryption: Awaited<ReturnType<typeof openKeyEncryption>> | undefined
  const kek = await attempt('KEK', 'read docs/kek.md and docs/runbooks/lost-kek.md', async () => {
    keyEncryption = await openKeyEncryption(settings, database)
    return keyEncryption.kekIds.join(' ')
  })
  if (!keyEncryption) return [kek]
  const services = {
    config: settings.config,
    db: database.db,
    keyEncryption,
    now: () => new Date(),
    platform: nodePlatform(),
  }
  return [
    kek,
    await attempt('key ring', 'read docs/runbooks/lost-kek.md', () => selfTest(services).then(() => undefined)),
  ]
}

async function attempt(name: string, hint: string, check: () => Promise<string | undefined>): Promise<Finding> {
  try {
    const detail = await check()
    return { name, state: 'ok', ...(detail ? { detail } : {}) }
  } catch (error) {
    return {
      name,
      state: 'failed',
      detail: errorWords(error).replace(/\n\s*/g, ' '),
      hint: findServerError(error)?.code === '42501' ? grantsWanted : hint,
    }
  }
}
