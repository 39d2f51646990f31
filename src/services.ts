import type { ApiKeyLookup } from './api-keys/lookup.ts'
import type { Config } from './config.ts'
import type { Database, Db } from './db/database.ts'
import type { Log } from './observability/log.ts'
import type { Metrics } from './observability/metrics.ts'
import type { Platform } from './platform.ts'
import type { RevocationFeed } from './revocation/feed.ts'
import type { RevocationList } from './revocation/revocation-list.ts'
import type { Keyring } from './signing-keys/keyring.ts'
import type { KeyEncryption } from './crypto/envelope.ts'
import type { AccessTokenVerifier } from './verify/verifier.ts'

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
  readonly revocations: RevocationList
  readonly feed: RevocationFeed
  /** Verifies the service's own tokens, for any audience; who may know the result is decided by the caller. */
  readonly verifier: AccessTokenVerifier
}
