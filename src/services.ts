import type { ApiKeyLookup } from './api-keys/lookup.ts'
import type { CheckpointSigner } from './audit/checkpoint.ts'
import type { RefusalRecorder } from './audit/refusals.ts'
import type { Config } from './config/settings.ts'
import type { KeyEncryption } from './crypto/envelope.ts'
import type { Database, Db } from './db/database.ts'
import type { AccessTokenVerifier } from './kit/verifier.ts'
import type { Log } from './observability/log.ts'
import type { Metrics } from './observability/metrics.ts'
import type { Platform } from './platform.ts'
import type { RevocationFeed } from './revocation/feed.ts'
import type { ServiceRevocationList } from './revocation/service-list.ts'
import type { Keyring } from './signing-keys/keyring.ts'
import type { UsageRecorder } from './usage/recorder.ts'
import type { VerifierMemory } from './verifiers/memory.ts'

/** Everything that an operation may use. Built once per process on Node, once per request on Workers. */
export type Services = {
  readonly config: Config
  readonly database: Database
  readonly db: Db
  /** For reads that must go on while changes wait for a lock: connections that no change takes. */
  readonly reads: Db
  /**
   * Opens the transaction of a change. For a request with an `Idempotency-Key`, the first transaction starts by
   * claiming the key, so that the claim and the change commit together.
   */
  readonly transaction: <Result>(work: (tx: Db) => Promise<Result>) => Promise<Result>
  /** The service's clock. Every stored time comes from it. */
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
  /** The requests that authenticated callers were refused. Works like `usage`. */
  readonly refusals: RefusalRecorder
  /** The usage of keys. Once started, it flushes by itself. Otherwise the end of each request must call `flush`. */
  readonly usage: UsageRecorder
  /** Who fetched the JWK Set. */
  readonly verifiersSeen: VerifierMemory
  /** Verifies the service's own tokens, for any audience. The caller decides who may know the result. */
  readonly verifier: AccessTokenVerifier
  /** True once the process was told to stop. It still finishes running requests, but is not ready for new ones. */
  readonly stopping: () => boolean
}
