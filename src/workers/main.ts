import type { ImportedAlgorithmsCache } from '../api-keys/foreign-secret.ts'
import { createApp } from '../app.ts'
import { createPendingRefusals, type PendingRefusals } from '../audit/pending-refusals.ts'
import { createServices } from '../compose.ts'
import { loadConfig, type Settings } from '../config/settings.ts'
import { createKeyEncryption, type KeyEncryption } from '../crypto/envelope.ts'
import { workersKekProviders } from '../crypto/kek/providers.workers.ts'
import { refuseUnfitEngine } from '../db/engine.ts'
import { databaseFailure } from '../db/failure.ts'
import { openPostgres } from '../db/postgres.ts'
import { runMaintenance } from '../maintenance.ts'
import { createLog } from '../observability/log.ts'
import { noMetrics } from '../observability/metrics.ts'
import { createServiceRules, type ServiceRules } from '../revocation/service-list.ts'
import type { Services } from '../services.ts'
import { createKeyringCache, type KeyringCache } from '../signing-keys/keyring.ts'
import { requireKeepableLifetimes } from '../signing-keys/lifetimes.ts'
import { createPendingUsage, type PendingUsage } from '../usage/pending.ts'
import { type WorkersPlatform, workersPlatform } from './platform.ts'

/** Bindings and variables of wrangler.toml. */
type WorkerEnv = {
  readonly HYPERDRIVE: { readonly connectionString: string }
  readonly [name: string]: unknown
}

type ExecutionContext = { waitUntil(work: Promise<unknown>): void }

const now = () => new Date()
const log = createLog({ threshold: 'info', now, write: (line) => console.log(line) })

/**
 * What requests of an isolate share: configuration, imported keys, the revocation list, unwritten usage. Nothing here
 * does I/O.
 */
type Isolate = {
  readonly settings: Settings
  readonly keyEncryption: KeyEncryption
  readonly keyringCache: KeyringCache
  readonly revocationRules: ServiceRules
  readonly pendingUsage: PendingUsage
  readonly pendingRefusals: PendingRefusals
  readonly importedAlgorithmsCache: ImportedAlgorithmsCache
  /** The database was asked what it is. */
  isEngineKnown: boolean
}
let isolate: Isolate | undefined

async function isolateOf(env: WorkerEnv): Promise<Isolate> {
  if (isolate) return isolate
  const variables = Object.entries(env).filter((entry): entry is [string, string] => typeof entry[1] === 'string')
  const settings = loadConfig(
    { ...Object.fromEntries(variables), DATABASE_URL: env.HYPERDRIVE.connectionString },
    'workers',
  )
  requireKeepableLifetimes(settings.config)
  const { kek, previousKeks, kekAccess } = settings.config
  if (kek === null) throw new Error('MINTAGE_KEK is missing')
  const keyEncryption = await createKeyEncryption({ kek, previousKeks, providers: workersKekProviders(kekAccess) })
  isolate = {
    settings,
    keyEncryption,
    keyringCache: createKeyringCache(),
    revocationRules: createServiceRules(),
    pendingUsage: createPendingUsage(),
    pendingRefusals: createPendingRefusals(),
    importedAlgorithmsCache: {},
    isEngineKnown: false,
  }
  return isolate
}

type RequestServices = Services & { readonly platform: WorkersPlatform }

/** The services of one request. Their database connection ends with the request. */
async function requestServices(env: WorkerEnv, context: ExecutionContext): Promise<RequestServices> {
  const { settings, keyEncryption, revocationRules, isEngineKnown: _, ...shared } = await isolateOf(env)
  const database = openPostgres({
    url: env.HYPERDRIVE.connectionString,
    pooler: 'transaction',
    deadlineMilliseconds: settings.database.deadlineMilliseconds,
    maxConnections: 2,
    readConnections: 0,
  })
  const platform = workersPlatform(context)
  const services = createServices(settings.config, database, {
    platform,
    keyEncryption,
    ...shared,
    log,
    metrics: noMetrics,
    now,
    revocations: { refreshInRequest: true, rules: revocationRules },
  })
  return { ...services, platform }
}

/**
 * Checks the engine of the database in the first request, because a Worker has no start in which to do it. The request
 * fails if the engine cannot be used. If the database does not answer, the next request checks again.
 */
async function checkEngine({ db }: Services): Promise<void> {
  if (!isolate || isolate.isEngineKnown) return
  try {
    await refuseUnfitEngine(db)
    isolate.isEngineKnown = true
  } catch (error) {
    if (!databaseFailure(error)) throw error
  }
}

/** After the answer: finishes the deferred work, then closes the database connection. */
async function end({ usage, refusals, platform, database }: RequestServices): Promise<void> {
  await platform.settled()
  await usage.flush()
  await refusals.flush()
  await database.close()
}

const app = createApp((c) => servicesOfRequest(c.env))

function servicesOfRequest(env: unknown): Services {
  if (typeof env === 'object' && env !== null && 'services' in env) return (env as { services: Services }).services
  throw new TypeError('the request has no services')
}

export default {
  async fetch(request: Request, env: WorkerEnv, context: ExecutionContext): Promise<Response> {
    const services = await requestServices(env, context)
    try {
      const [response] = await Promise.all([app.fetch(request, { services }), checkEngine(services)])
      return response
    } finally {
      context.waitUntil(end(services))
    }
  },
  async scheduled(_event: unknown, env: WorkerEnv, context: ExecutionContext): Promise<void> {
    const services = await requestServices(env, context)
    try {
      await checkEngine(services)
      await runMaintenance(services)
    } finally {
      context.waitUntil(end(services))
    }
  },
}
