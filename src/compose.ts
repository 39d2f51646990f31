import type { ImportedAlgorithmsCache } from './api-keys/foreign-secret.ts'
import { createApiKeyLookup } from './api-keys/lookup.ts'
import { checkpointType } from './audit/checkpoint.ts'
import type { PendingRefusals } from './audit/pending-refusals.ts'
import { createRefusalRecorder } from './audit/refusals.ts'
import type { Config } from './config/settings.ts'
import type { KeyEncryption } from './crypto/envelope.ts'
import type { Database } from './db/database.ts'
import type { KeySet } from './kit/key-sets/key-set.ts'
import { localKeySet } from './kit/key-sets/local-key-set.ts'
import { feedType } from './kit/revocation/feed-document.ts'
import { createAccessTokenVerifier } from './kit/verifier.ts'
import type { Log } from './observability/log.ts'
import type { Metrics } from './observability/metrics.ts'
import type { Platform } from './platform.ts'
import { createRevocationFeed } from './revocation/feed.ts'
import { createServiceRevocationList, type ServiceRules } from './revocation/service-list.ts'
import type { Services } from './services.ts'
import { signJwt } from './signing-keys/jwt.ts'
import { createKeyring, type KeyringCache } from './signing-keys/keyring.ts'
import type { PendingUsage } from './usage/pending.ts'
import { createUsageRecorder } from './usage/recorder.ts'
import { createVerifierMemory } from './verifiers/memory.ts'

export type ServicesOptions = {
  platform: Platform
  keyEncryption: KeyEncryption
  log: Log
  metrics: Metrics
  now?: () => Date
  /**
   * How the service's revocation list stays fresh: by polling or, without timers (Workers), by reading it again inside
   * the request.
   */
  revocations?: { pollMilliseconds: number } | { refreshInRequest: true; rules?: ServiceRules }
  /** Shared by the requests of an isolate, so that each does not have to open the ring again. */
  keyringCache?: KeyringCache
  /** Shared by the requests of an isolate: usage that one request could not write is written with the next. */
  pendingUsage?: PendingUsage
  /** As `pendingUsage`: refusals that one request counted are written with another. */
  pendingRefusals?: PendingRefusals
  /**
   * Shared by the requests of an isolate: where no key was imported, text that is not a Mintage key needs no database
   * lookup.
   */
  importedAlgorithmsCache?: ImportedAlgorithmsCache
  stopping?: () => boolean
}

/**
 * Composes the services; performs no I/O. Times come from `now`, which defaults to the system's clock.
 *
 * @example
 * ```ts
 * import { createKeyEncryption, createLog, createServices, loadConfig, noMetrics, openPostgres } from 'mintage'
 * import { nodePlatform } from 'mintage/node'
 *
 * const { config } = loadConfig(process.env)
 * const database = openPostgres({ url: 'postgres://mintage@localhost/mintage', pooler: 'none' })
 * export const services = createServices(config, database, {
 *   platform: nodePlatform(),
 *   keyEncryption: await createKeyEncryption({ kek: config.kek ?? '' }),
 *   log: createLog({ threshold: 'info', now: () => new Date(), write: (line) => console.log(line) }),
 *   metrics: noMetrics,
 * })
 * services.revocations.start()
 * services.usage.start()
 * services.refusals.start()
 * ```
 */
export function createServices(config: Config, database: Database, options: ServicesOptions): Services {
  const {
    platform,
    keyEncryption,
    log,
    metrics,
    keyringCache,
    pendingUsage,
    importedAlgorithmsCache,
    now = () => new Date(),
  } = options
  const { db, reads = db } = database
  const keyring = createKeyring({
    db: reads,
    now,
    config,
    keyEncryption,
    platform,
    log,
    ...(keyringCache ? { cache: keyringCache } : {}),
  })
  const revocations = createServiceRevocationList({
    db: reads,
    database,
    now,
    ...(options.revocations ?? { pollMilliseconds: 1000 }),
  })
  let longestTokenSeconds: number | undefined
  const keys: KeySet = {
    ...localKeySet(async () => {
      longestTokenSeconds = await keyring.longestTokenSeconds()
      return await keyring.publicKeys('token')
    }),
    longestTokenSeconds: () => longestTokenSeconds,
  }
  return {
    config,
    database,
    db,
    reads,
    transaction: (work) => db.transaction(work),
    now,
    platform,
    log,
    metrics,
    keyEncryption,
    keyring,
    apiKeys: createApiKeyLookup({
      db: reads,
      platform,
      ...(importedAlgorithmsCache ? { importedAlgorithmsCache } : {}),
    }),
    revocations,
    feed: createRevocationFeed({
      list: revocations,
      issuer: config.issuer,
      sign: async (claims) => signJwt(await keyring.signer('record'), feedType, claims),
      now,
    }),
    checkpointSigner: async () => {
      const signer = await keyring.signer('record')
      return { kid: signer.kid, sign: (claims) => signJwt(signer, checkpointType, claims) }
    },
    refusals: createRefusalRecorder({ db, log, now, pending: options.pendingRefusals }),
    usage: createUsageRecorder({ db, log, ...(pendingUsage ? { pending: pendingUsage } : {}) }),
    verifiersSeen: createVerifierMemory({ db, log, platform }),
    verifier: createAccessTokenVerifier({
      issuer: config.issuer,
      keys,
      revocations,
      clockToleranceSeconds: config.clockToleranceSeconds,
      now,
    }),
    stopping: options.stopping ?? (() => false),
  }
}
