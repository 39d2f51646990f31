import { createApp } from '../app.ts'
import { type BootstrapResult, bootstrap } from '../bootstrap.ts'
import { createServices } from '../compose.ts'
import type { DatabaseSettings, Settings } from '../config/settings.ts'
import { createKeyEncryption, type KeyEncryption } from '../crypto/envelope.ts'
import { nodeKekProviders } from '../crypto/kek/providers.node.ts'
import type { Database } from '../db/database.ts'
import { migrationState } from '../db/migration-state.ts'
import { openPostgres } from '../db/postgres.ts'
import { findServiceState } from '../db/service-state.ts'
import { startMaintenance } from '../maintenance.ts'
import type { Log } from '../observability/log.ts'
import { createPrometheus } from '../observability/prometheus.ts'
import { raiseLargestTokenTtl } from '../revocation/maintenance-queries.ts'
import type { Services } from '../services.ts'
import { requireKeepableLifetimes } from '../signing-keys/lifetimes.ts'
import { selfTest } from '../signing-keys/self-test.ts'
import { localKek, writeCredentials } from './first-start.ts'
import { type HttpServer, listen } from './http-server.ts'
import { nodePlatform } from './platform.ts'

export type RunningService = {
  readonly services: Services
  readonly port: number
  /** What was created, if this was the database's first start. */
  readonly firstStart: BootstrapResult | undefined
  /** Finishes the requests in progress, at most until the deadline, then closes everything. */
  stop(deadlineMilliseconds?: number): Promise<void>
}

type StartOptions = { log: Log; now?: () => Date }

/**
 * Starts the service: database, migrations, first start, key ring, HTTP.
 * @throws Error with words for the operator. Nothing stays open then.
 */
export async function startService(
  settings: Settings,
  { log, now = () => new Date() }: StartOptions,
): Promise<RunningService> {
  const opened = createCloser()
  try {
    const { database, keyEncryption } = await openDatabase(settings)
    opened.add(() => database.close())
    const platform = nodePlatform()
    const prometheus = createPrometheus()
    let stopping = false
    const services = createServices(settings.config, database, {
      platform,
      keyEncryption,
      log,
      metrics: prometheus.metrics,
      now,
      stopping: () => stopping,
    })
    const firstStart = await startFirst(settings, services)
    await raiseLargestTokenTtl(services.db, settings.config.maxTokenTtlSeconds)
    await selfTest(services)
    prometheus.observe(services)
    services.revocations.start()
    opened.add(() => services.revocations.close())
    services.usage.start()
    opened.add(() => services.usage.close())
    opened.add(startMaintenance(services))
    opened.add(() => platform.settled())
    if (settings.metricsPort !== null) {
      const metricsServer = await listenForScrapers(settings.metricsPort, settings.host, services)
      opened.add(() => metricsServer.stop(0))
    }
    const app = createApp(() => services)
    const server = await listen({
      fetch: (request, env) => app.fetch(request, Object(env)),
      port: settings.port,
      host: settings.host,
    })
    opened.add((deadlineMilliseconds) => server.stop(deadlineMilliseconds))
    return {
      services,
      port: server.port,
      firstStart,
      async stop(deadlineMilliseconds) {
        stopping = true
        await opened.close(deadlineMilliseconds)
      },
    }
  } catch (error) {
    await opened.close(0).catch(() => {})
    throw error
  }
}

type Close = (deadlineMilliseconds?: number) => Promise<unknown>

/**
 * What a start has opened. Closing goes in the reverse order, continues after a failure, and throws the first error at
 * the end.
 */
function createCloser() {
  const closes: Close[] = []
  return {
    add: (close: Close) => void closes.push(close),
    async close(deadlineMilliseconds?: number): Promise<void> {
      const errors: unknown[] = []
      for (const close of closes.splice(0).reverse())
        await close(deadlineMilliseconds).catch((error: unknown) => errors.push(error))
      if (errors.length > 0) throw errors[0]
    },
  }
}

/** Opens the database, migrates it if this process may, and finds the KEK. */
export async function openDatabase(settings: Settings): Promise<{ database: Database; keyEncryption: KeyEncryption }> {
  requireKeepableLifetimes(settings.config)
  const database = await openSettledDatabase(settings.database)
  try {
    return { database, keyEncryption: await openKeyEncryption(settings, database) }
  } catch (error) {
    await database.close()
    throw error
  }
}

/** Loads only what this kind of database needs: PGlite and the migrator would be most of an idle process's memory. */
async function openSettledDatabase(settings: DatabaseSettings): Promise<Database> {
  if (settings.kind === 'embedded') {
    const [{ openEmbedded }, { migrate }] = await Promise.all([import('../db/pglite.ts'), import('../db/migrate.ts')])
    const database = await openEmbedded(settings.folder === null ? { memory: true } : { folder: settings.folder })
    await migrate(database)
    return database
  }
  if (settings.migrationUrl !== null) await (await import('../db/migrate.ts')).migrate(settings.migrationUrl)
  const { url, pooler, directUrl } = settings
  const database = openPostgres({ url, pooler, ...(directUrl === null ? {} : { directUrl }) })
  try {
    await refuseOtherSchema(database)
  } catch (error) {
    await database.close()
    throw error
  }
  return database
}

async function refuseOtherSchema({ db }: Database): Promise<void> {
  const state = await migrationState(db).catch((error: unknown) => {
    throw new Error('the database does not answer: check DATABASE_URL', { cause: error })
  })
  if (state === 'empty')
    throw new Error('the database has no tables yet: run `mintage migrate` as its owner, then `mintage bootstrap`')
  if (state === 'behind')
    throw new Error('the schema of the database is older than this version: run `mintage migrate` as its owner')
  if (state === 'ahead')
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

/**
 * The first start. An embedded database always gets one here; PostgreSQL only if MINTAGE_ROOT_API_KEY declares its root
 * key. Otherwise `mintage bootstrap` does it, and shows the key once.
 */
async function startFirst(settings: Settings, services: Services): Promise<BootstrapResult | undefined> {
  const { config, database, dataDir } = settings
  if (database.kind === 'postgres' && config.rootApiKey === null) {
    if (await findServiceState(services.db)) return undefined
    throw new Error(
      'the database was never started: run `mintage bootstrap`, which prints the root API key once, or set MINTAGE_ROOT_API_KEY',
    )
  }
  const onDisk = database.kind === 'embedded' && database.folder !== null
  return await bootstrap(services, {
    withTestKey: onDisk,
    ...(onDisk ? { keep: (firstStart: BootstrapResult) => writeCredentials(dataDir, config.issuer, firstStart) } : {}),
  })
}

/** Serves the metrics on a separate port, so that the operator decides who can reach it. */
async function listenForScrapers(port: number, host: string, { metrics }: Services): Promise<HttpServer> {
  return await listen({
    port,
    host,
    async fetch(request) {
      if (new URL(request.url).pathname !== '/metrics' || !metrics.render)
        return new Response('not found\n', { status: 404 })
      const { contentType, text } = await metrics.render()
      return new Response(text, { headers: { 'Content-Type': contentType, 'Cache-Control': 'no-store' } })
    },
  })
}
