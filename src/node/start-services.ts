import { type BootstrapResult, bootstrap } from '../bootstrap.ts'
import { createServices } from '../compose.ts'
import type { Settings } from '../config/settings.ts'
import { findServiceState } from '../db/service-state.ts'
import { startMaintenance } from '../maintenance.ts'
import type { Log } from '../observability/log.ts'
import { createPrometheus } from '../observability/prometheus.ts'
import { faultOfDeclaredRootKey } from '../root-keys.ts'
import type { Services } from '../services.ts'
import { selfTest } from '../signing-keys/self-test.ts'
import { createCloser } from './closer.ts'
import { createDrain } from './drain.ts'
import { updateCredentialsUrl, writeCredentials } from './first-start.ts'
import { openDatabase } from './open-database.ts'
import { nodePlatform } from './platform.ts'

export type RunningServices = {
  readonly services: Services
  /** What was created, if this was the database's first start. */
  readonly firstStart: BootstrapResult | undefined
  /**
   * Makes `/readyz` answer 503 at once, and resolves after MINTAGE_DRAIN_TIME, in which a load balancer notices. Accept
   * connections until then. Another call of `drain`, or `stop`, ends the wait.
   */
  drain(): Promise<void>
  /** Finishes the deferred work and closes everything. Call it after your server has stopped. */
  stop(): Promise<void>
}

export type StartOptions = { log: Log; now?: () => Date }

/**
 * Starts all of the service but HTTP: database, migrations, first start, key ring, and the background work (revocation
 * list, usage, maintenance). Pass the services to `createApp` to mount Mintage in a server of your application.
 *
 * @throws Error with a message for the operator. Nothing stays open then.
 *
 * @example
 * ```ts
 * import { createApp, loadConfig } from 'mintage'
 * import { processLog, startServices } from 'mintage/node'
 *
 * const settings = loadConfig(process.env)
 * const { log } = processLog(settings.logLevel, () => new Date())
 * const running = await startServices(settings, { log })
 * export const mintage = createApp(() => running.services)
 * ```
 */
export async function startServices(
  settings: Settings,
  { log, now = () => new Date() }: StartOptions,
): Promise<RunningServices> {
  const opened = createCloser()
  const draining = createDrain(settings.drainSeconds)
  try {
    const { database, keyEncryption } = await openDatabase(settings)
    opened.add(() => database.close())
    const platform = nodePlatform()
    const prometheus = createPrometheus()
    const services = createServices(settings.config, database, {
      platform,
      keyEncryption,
      log,
      metrics: prometheus.metrics,
      now,
      stopping: draining.hasBegun,
    })
    const firstStart = await startFirst(settings, { ...services, db: database.undeadlined ?? services.db })
    await selfTest(services)
    if (!firstStart) await warnOfDeclaredRootKey(services)
    prometheus.observe(services)
    services.revocations.start()
    opened.add(() => services.revocations.close())
    services.usage.start()
    opened.add(() => services.usage.close())
    services.refusals.start()
    opened.add(() => services.refusals.close())
    opened.add(startMaintenance(services))
    opened.add(() => platform.settled())
    return {
      services,
      firstStart,
      drain: draining.drain,
      async stop() {
        draining.end()
        await opened.close()
      },
    }
  } catch (error) {
    await opened.close().catch(() => {})
    throw error
  }
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
  const firstStart = await bootstrap(services, {
    withTestKey: onDisk,
    ...(onDisk ? { keep: (firstStart: BootstrapResult) => writeCredentials(dataDir, config.issuer, firstStart) } : {}),
  })
  if (onDisk && !firstStart) await updateCredentialsUrl(dataDir, config.issuer)
  return firstStart
}

/** A declared root key counts at the first start only. Later it changes nothing, which nobody would notice. */
async function warnOfDeclaredRootKey(services: Services): Promise<void> {
  const fault = await faultOfDeclaredRootKey(services, services.now())
  if (fault === undefined) return
  services.log('warn', 'root_key.declared_key_not_in_force', {
    fault,
    why: 'MINTAGE_ROOT_API_KEY is not a working root key of this database, and is not used after the first start',
    next: 'remove it, or run `mintage root-keys create --declared`: docs/losing-access.md',
  })
}
