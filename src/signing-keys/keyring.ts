import type { KeyEncryption } from '../crypto/envelope.ts'
import type { Db } from '../db/database.ts'
import { ServiceError } from '../errors.ts'
import { backoffMilliseconds } from '../kit/backoff.ts'
import { errorWords } from '../observability/error-words.ts'
import type { Log } from '../observability/log.ts'
import type { Platform } from '../platform.ts'
import { raiseLargestTokenTtl } from '../revocation/maintenance-queries.ts'
import { type JsonWebKeySet, publicJwks } from './jwks.ts'
import { publicKeysMaximumAgeSeconds, type TimingConfig } from './lifecycle.ts'
import { activeAlgorithms, type OpenRing, openRing, signerAt } from './open-ring.ts'
import { advanceRingGeneration, readRing, readRingGeneration } from './queries.ts'
import { keyPurposes } from './ring.ts'
import { type Algorithm, defaultAlgorithm, type KeyPurpose, type Signer } from './signer.ts'

export type Keyring = {
  /**
   * The signer that is active now for the purpose and algorithm (default ES256). Pass the `generation` from the API key
   * lookup of the same request: if it differs from the loaded ring's, the ring is reloaded first. Without it the
   * database is asked. Returns no promise if nothing changed. Throws `keyring_unavailable`, also if the ring has no
   * active key of that algorithm.
   */
  signer(purpose: KeyPurpose, generation?: number, algorithm?: Algorithm): Signer | Promise<Signer>
  /**
   * The algorithms that have an active signer now. Asks the database whether the ring changed. Throws
   * `keyring_unavailable`.
   */
  activeAlgorithms(purpose: KeyPurpose): Promise<readonly Algorithm[]>
  /**
   * The published public keys (token: pending, active and retiring; record: all that ever existed). At most a second
   * old while the database answers, otherwise the last known ones. Throws `keyring_unavailable` only if they were never
   * read.
   */
  publicKeys(purpose: KeyPurpose): Promise<JsonWebKeySet>
  /** No token of this service lives longer. Returns the configured maximum until the ring was read. Does not throw. */
  longestTokenSeconds(): Promise<number>
  /** Seconds since the database last confirmed the public keys; infinite before the first read. */
  publicKeysAge(): number
  /** Reads the ring again. */
  reload(): Promise<void>
  /**
   * For readiness: the generation in use, and whether each purpose has an active key of the default algorithm that can
   * sign.
   */
  state(): { generation: number | undefined; usable: boolean; reason?: string }
}

/**
 * Holds an opened ring. By default there is one per process on Node. On Workers there is one per isolate, shared by the
 * keyrings of its requests.
 */
export type KeyringCache = {
  current: OpenRing | undefined
  /** When the database last confirmed `current`: milliseconds of the service's clock, taken before asking. */
  checkedAt: number
  /** Loads in a row that could not open a key, as while a KMS is away. */
  faultyLoads: number
  /** When to try again. */
  retryAt: number
}

type KeyringOptions = {
  db: Db
  now: () => Date
  config: TimingConfig
  keyEncryption: KeyEncryption
  platform: Pick<Platform, 'createSigner'>
  log: Log
  cache?: KeyringCache
}

const maximumAgeMilliseconds = publicKeysMaximumAgeSeconds * 1000

/** Short, because nothing is signed while the active key cannot be opened. */
const faultPauses = { first: 500, longest: 5000 }

export function createKeyringCache(): KeyringCache {
  return { current: undefined, checkedAt: Number.NEGATIVE_INFINITY, faultyLoads: 0, retryAt: 0 }
}

/**
 * Performs no I/O until it is used. Only one read runs at a time. A caller that needs newer data waits for the next
 * read.
 */
export function createKeyring(options: KeyringOptions): Keyring {
  const { db, now, log, config, cache = createKeyringCache() } = options
  let loading: Promise<OpenRing> | undefined
  let checking: Promise<OpenRing> | undefined
  let failedAt = Number.NEGATIVE_INFINITY

  async function load(): Promise<OpenRing> {
    const at = now()
    const rows = await readRing(db)
    if (!rows) throw new Error('the database is empty: no key ring has been created yet')
    // Revocation rules must live as long as the longest token, so raise that limit before any key can sign.
    if (rows.largestTokenTtlSeconds < config.maxTokenTtlSeconds)
      await raiseLargestTokenTtl(db, config.maxTokenTtlSeconds, advanceRingGeneration)
    const opened = await openRing(rows, cache.current, options, at)
    for (const [kid, fault] of opened.faults) log('error', 'signing_key.unusable', { kid, error: fault })
    cache.current = opened
    cache.faultyLoads = opened.faults.size > 0 ? cache.faultyLoads + 1 : 0
    cache.retryAt = now().getTime() + backoffMilliseconds(cache.faultyLoads, faultPauses)
    cache.checkedAt = at.getTime()
    return opened
  }

  function startLoading(): Promise<OpenRing> {
    loading ??= load().finally(() => {
      loading = undefined
    })
    return loading
  }

  /** Starts a read after this call: one in progress may have missed the change that the caller knows about. */
  async function loadAgain(): Promise<OpenRing> {
    await loading
    return await startLoading()
  }

  /** The current ring of the database. Reads it again only if its generation changed. */
  async function current(): Promise<OpenRing> {
    const at = now().getTime()
    const { current } = cache
    const isResting = Math.abs(cache.retryAt - at) <= faultPauses.longest && at < cache.retryAt
    if (
      !current ||
      (current.faults.size > 0 && !isResting) ||
      (await readRingGeneration(db)) !== current.ring.generation
    )
      return await loadAgain()
    cache.checkedAt = at
    return current
  }

  /** For answers that may be a second old. Concurrent callers share one check. */
  function currentShared(): Promise<OpenRing> {
    checking ??= current().finally(() => {
      checking = undefined
    })
    return checking
  }

  /** At most a second old while the database answers, otherwise the last known ring. */
  async function published(at: Date): Promise<OpenRing> {
    const known = cache.current
    if (known && (isFresh(cache.checkedAt, at) || isFresh(failedAt, at))) return known
    return await unavailableUnless(currentShared()).catch((error: unknown) => {
      if (!known) throw error
      failedAt = at.getTime()
      log('warn', 'signing_keys.stale', { error })
      return known
    })
  }

  async function ofGeneration(generation: number): Promise<OpenRing> {
    const joined = await loading
    return joined?.ring.generation === generation ? joined : await loadAgain()
  }

  return {
    signer(purpose, generation, algorithm = defaultAlgorithm) {
      const ring = cache.current
      const series = { algorithm, purpose }
      if (ring && ring.ring.generation === generation) return signerAt(ring, series, now().getTime())
      return unavailableUnless(generation === undefined ? current() : ofGeneration(generation)).then((opened) =>
        signerAt(opened, series, now().getTime()),
      )
    },

    async activeAlgorithms(purpose) {
      return activeAlgorithms(await unavailableUnless(current()), purpose, now().getTime())
    },

    async publicKeys(purpose) {
      const at = now()
      return publicJwks((await published(at)).ring, purpose, at)
    },

    async longestTokenSeconds() {
      const opened = await published(now()).catch(() => undefined)
      return opened?.ring.timing.longestTokenSeconds ?? config.maxTokenTtlSeconds
    },

    publicKeysAge: () => Math.abs(now().getTime() - cache.checkedAt) / 1000,

    async reload() {
      await unavailableUnless(loadAgain())
    },

    state() {
      const ring = cache.current
      if (!ring) return { generation: undefined, usable: false, reason: 'the key ring has not been read yet' }
      const { generation } = ring.ring
      const [fault] = ring.faults
      const reason = fault ? { reason: `the signing key ${fault[0]} cannot be used: ${errorWords(fault[1])}` } : {}
      const usable = keyPurposes.every((purpose) =>
        activeAlgorithms(ring, purpose, now().getTime()).includes(defaultAlgorithm),
      )
      return usable
        ? { generation, usable, ...reason }
        : { generation, usable, reason: 'no active signing key', ...reason }
    },
  }
}

/** If the clock was set back, the age is negative. That does not count as fresh. */
function isFresh(since: number, now: Date): boolean {
  const age = now.getTime() - since
  return age >= 0 && age < maximumAgeMilliseconds
}

async function unavailableUnless(ring: Promise<OpenRing>): Promise<OpenRing> {
  try {
    return await ring
  } catch (cause) {
    throw new ServiceError('keyring_unavailable', { reason: 'the key ring cannot be read', cause })
  }
}

/**
 * A failed reload does no harm: the next lookup returns the new generation, and the keyring reloads before it signs.
 */
export async function reloadKeyring({ keyring, log }: { keyring: Keyring; log: Log }): Promise<void> {
  await keyring.reload().catch((error: unknown) => log('warn', 'signing_keys.reload_failed', { error }))
}
