import type { DatabaseSettings, Settings } from '../config/settings.ts'
import { createKeyEncryption, type KeyEncryption } from '../crypto/envelope.ts'
import { nodeKekProviders } from '../crypto/kek/providers.node.ts'
import type { Database } from '../db/database.ts'
import { refuseUnfitEngine } from '../db/engine.ts'
import { migrationState } from '../db/migration-state.ts'
import { openPostgres } from '../db/postgres.ts'
import { primaryWanted } from '../db/server-role.ts'
import { findServiceState, readServerState, unfitnessIn } from '../db/service-state.ts'
import { findServerError } from '../observability/error-words.ts'
import { requireKeepableLifetimes } from '../signing-keys/lifetimes.ts'
import { localKek } from './first-start.ts'

/**
 * Opens the database, migrates it if this process may, and finds the KEK.
 * @param deadlineMilliseconds Deadline of each call to the database. Absent = that of the settings.
 */
export async function openDatabase(
  settings: Settings,
  { deadlineMilliseconds = settings.database.deadlineMilliseconds }: { deadlineMilliseconds?: number } = {},
): Promise<{ database: Database; keyEncryption: KeyEncryption }> {
  requireKeepableLifetimes(settings.config)
  const database = await openSettledDatabase(settings.database, deadlineMilliseconds)
  try {
    return { database, keyEncryption: await openKeyEncryption(settings, database) }
  } catch (error) {
    await database.close()
    throw error
  }
}

/** For a command that an operator runs: nobody waits for an answer, and one transaction may make many round trips. */
export async function openDatabaseForOperator(
  settings: Settings,
): Promise<{ database: Database; keyEncryption: KeyEncryption }> {
  const deadlineMilliseconds = Math.max(30_000, settings.database.deadlineMilliseconds)
  return await openDatabase(settings, { deadlineMilliseconds })
}

/** Loads only what this kind of database needs: PGlite and the migrator would be most of an idle process's memory. */
async function openSettledDatabase(settings: DatabaseSettings, deadlineMilliseconds: number): Promise<Database> {
  if (settings.kind === 'embedded') {
    const [{ openEmbedded }, { migrate }] = await Promise.all([import('../db/pglite.ts'), import('../db/migrate.ts')])
    const database = await openEmbedded({
      ...(settings.folder === null ? { memory: true } : { folder: settings.folder }),
      deadlineMilliseconds,
    })
    await migrate(database)
    return database
  }
  if (settings.migrationUrl !== null) await (await import('../db/migrate.ts')).migrate(settings.migrationUrl)
  const { url, pooler, directUrl } = settings
  const database = openPostgres({
    url,
    pooler,
    ...(directUrl === null ? {} : { directUrl }),
    deadlineMilliseconds,
  })
  try {
    await refuseOtherServer(database)
    await refuseOtherSchema(database)
  } catch (error) {
    await database.close()
    throw error
  }
  return database
}

async function refuseOtherServer({ db }: Database): Promise<void> {
  const { unfitness } = await readServerState(db).catch((error: unknown) => {
    const unfitness = unfitnessIn(error)
    if (unfitness !== undefined) return { unfitness }
    const refuses = findServerError(error) !== undefined
    throw new Error(`the database ${refuses ? 'refuses' : 'does not answer'} (check DATABASE_URL)`, { cause: error })
  })
  if (unfitness !== undefined) throw new Error(primaryWanted(unfitness))
  await refuseUnfitEngine(db)
}

async function refuseOtherSchema({ db }: Database): Promise<void> {
  const state = await migrationState(db)
  if (state === 'empty')
    throw new Error('the database has no tables yet: run `mintage migrate` as its owner, then `mintage bootstrap`')
  if (state === 'behind')
    throw new Error('the schema of the database is older than this version: run `mintage migrate` as its owner')
  if (state === 'ahead' || state === 'too_new')
    throw new Error(
      'the schema of the database is newer than this version: start the version that migrated it, or a newer one',
    )
}

/** Finds the KEK. The first start of an embedded database creates one. */
export async function openKeyEncryption(
  { config, database: { kind }, dataDir }: Settings,
  database: Database,
): Promise<KeyEncryption> {
  const kek =
    config.kek ??
    (kind === 'embedded' ? await localKek(dataDir, (await findServiceState(database.db)) === undefined) : null)
  if (kek === null) throw new Error('MINTAGE_KEK is missing')
  return await createKeyEncryption({
    kek,
    previousKeks: config.previousKeks,
    providers: nodeKekProviders(config.kekAccess),
  })
}
