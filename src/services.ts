import type { Context } from 'hono'
import type { ImportedAlgorithmsCache } from './api-keys/imported.ts'
import { type ApiKeyLookup, createApiKeyLookup } from './api-keys/lookup.ts'
import { type CheckpointSigner, checkpointType } from './audit/checkpoint.ts'
import type { Config } from './config.ts'
import type { KeyEncryption } from './crypto/envelope.ts'
import type { Database, Db } from './db/database.ts'
import type { AppEnv } from './http/context.ts'
import type { Log } from './observability/log.ts'
import type { Metrics } from './observability/metrics.ts'
import type { Platform } from './platform.ts'
import { createRevocationFeed, type RevocationFeed } from './revocation/feed.ts'
import { createServiceRevocationList, type ServiceRevocationList } from './revocation/service-list.ts'
import type { SyncedRules } from './revocation/synced-rules.ts'
import { signJwt } from './signing-keys/jwt.ts'
import { createKeyring, type Keyring, type KeyringCache } from './signing-keys/keyring.ts'
import { createVerifierMemory, type VerifierMemory } from './signing-keys/verifiers/memory.ts'
import type { PendingUsage } from './usage/pending.ts'
import { createUsageRecorder, type UsageRecorder } from './usage/recorder.ts'
import { localKeySet } from './verify/jwks.ts'
import { type AccessTokenVerifier, createAccessTokenVerifier } from './verify/verifier.ts'

/** Everything that an operation may use. Built once a process on Node, once a request on Workers. */
export type Services = {
  readonly config: Config
  readonly database: Database
  readonly db: Db
  /** The service's clock: stamps every stored instant. */
  readonly now: () => Date
  readonly platform: Platform
  readonly log: Log
  readonly metrics: Metrics
  readonly keyEncryption: KeyEncryption
  readonly keyring: Keyring
  readonly apiKeys: ApiKeyLookup
  /** The service's own list: introspection, revocation, the admin API. */
  readonly revocations: ServiceRevocationList
  readonly feed: RevocationFeed
  /** The active record key, for a checkpoint of the audit trail. Throws `keyring_unavailable`. */
  readonly checkpointSigner: () => Promise<CheckpointSigner>
  /** What keys are used for. Flushes by itself once it was started; otherwise whoever ends the request calls `flush`. */
  readonly usage: UsageRecorder
  /** Who fetched the JWK Set. */
  readonly verifiersSeen: VerifierMemory
  /** Verifies the service's own tokens, for any audience; who may know the result is decided by the caller. */
  readonly verifier: AccessTokenVerifier
  /** True once the process was told to stop: it finishes what it has and is not ready for more. */
  readonly stopping: () => boolean
}

/** Where a request's services come from: a constant on Node, an object of the request's own on Workers. */
export type ResolveServices = (c: Context<AppEnv>) => Services

export type ServicesOptions = {
  platform: Platform
  keyEncryption: KeyEncryption
  log: Log
  metrics: Metrics
  now?: () => Date
  /** How the service's own revocation list stays fresh; without timers (Workers) it is read again inside the request. */
  revocations?: { pollMilliseconds: number } | { refreshInRequest: true; rules?: SyncedRules }
  /** Shared by the requests of an isolate, so that each need not open the ring again. */
  keyringCache?: KeyringCache
  /** Shared by the requests of an isolate: usage that one of them could not write goes along with the next. */
  pendingUsage?: PendingUsage
  /** Shared by the requests of an isolate: text that is no key of ours then reaches no database where nothing was imported. */
  importedAlgorithmsCache?: ImportedAlgorithmsCache
  stopping?: () => boolean
}

/** Composes the services; performs no I/O. Times come from `now`, which defaults to the system's clock here and nowhere deeper. */
export function createServices(config: Config, database: Database, options: ServicesOptions): Services {
  const { platform, keyEncryption, log, metrics, keyringCache, pendingUsage, importedAlgorithmsCache, now = () => new Date() } = options
  const { db } = database
  const keyring = createKeyring({ db, now, config, keyEncryption, platform, log, ...(keyringCache ? { cache: keyringCache } : {}) })
  const revocations = createServiceRevocationList({ db, database, now, ...(options.revocations ?? { pollMilliseconds: 1000 }) })
  const keys = localKeySet(() => keyring.publicKeys('token'))
  return {
    config,
    database,
    db,
    now,
    platform,
    log,
    metrics,
    keyEncryption,
    keyring,
    apiKeys: createApiKeyLookup({ db, platform, ...(importedAlgorithmsCache ? { importedAlgorithmsCache } : {}) }),
    revocations,
    feed: createRevocationFeed({
      list: revocations,
      issuer: config.issuer,
      sign: async (claims) => signJwt(await keyring.signer('record'), 'mintage-revocations+jwt', claims),
      now,
    }),
    checkpointSigner: async () => {
      const signer = await keyring.signer('record')
      return { kid: signer.kid, sign: (claims) => signJwt(signer, checkpointType, claims) }
    },
    usage: createUsageRecorder({ db, log, ...(pendingUsage ? { pending: pendingUsage } : {}) }),
    verifiersSeen: createVerifierMemory({ db, log, platform }),
    verifier: createAccessTokenVerifier({
      issuer: config.issuer,
      keys,
      revocations,
      clockToleranceSeconds: config.clockToleranceSeconds,
      maxTokenLifetimeSeconds: config.maxTokenTtlSeconds,
      now,
    }),
    stopping: options.stopping ?? (() => false),
  }
}
