import type { KeyEncryption } from '../crypto/envelope.ts'
import type { Db } from '../db/database.ts'
import { ServiceError } from '../errors.ts'
import type { Log } from '../observability/log.ts'
import type { Platform } from '../platform.ts'
import { type JsonWebKeySet, publicJwks } from './jwks.ts'
import { publicKeysMaximumAgeSeconds, type TimingConfig } from './lifecycle.ts'
import { activeAlgorithms, type OpenRing, openRing, signerAt } from './open-ring.ts'
import { readRing, readRingGeneration } from './queries.ts'
import { keyPurposes } from './ring.ts'
import { type Algorithm, defaultAlgorithm, type KeyPurpose, type Signer } from './signer.ts'

export type { JsonWebKeySet } from './jwks.ts'

export type Keyring = {
  /**
   * The active signer of the purpose and algorithm (ES256 when left out) now. `generation` is what the key lookup of the same request
   * brought: when it is not the ring's, the ring is reloaded before anything is signed. Without it the database is asked. No promise when
   * nothing changed. Throws `keyring_unavailable`, also when the ring has no active key of that algorithm.
   */
  signer(purpose: KeyPurpose, generation?: number, algorithm?: Algorithm): Signer | Promise<Signer>
  /** What `signer` could sign with at this moment. Asks the database whether the ring turned; throws `keyring_unavailable`. */
  activeAlgorithms(purpose: KeyPurpose): Promise<readonly Algorithm[]>
  /**
   * The published public keys (token: pending, active and retiring; record: all that ever were), not older than a second where the
   * database answers, and the last known ones where it does not. Throws `keyring_unavailable` only if none were ever read.
   */
  publicKeys(purpose: KeyPurpose): Promise<JsonWebKeySet>
  /** Seconds since the database last said that the public keys are these; infinite before the first reading. */
  publicKeysAge(): number
  /** Reads the ring again. */
  reload(): Promise<void>
  /** For readiness: the generation in use and whether an active key of each purpose can sign by the default algorithm. */
  state(): { generation: number | undefined; usable: boolean; reason?: string }
}

/** Where an opened ring is kept. Node: one a process, by default. Workers: one an isolate, shared by the keyrings of its requests. */
export type KeyringCache = {
  current: OpenRing | undefined
  /** When the database last said that `current` is the ring; milliseconds of the service's clock, taken before asking. */
  checkedAt: number
}

export type KeyringOptions = {
  db: Db
  now: () => Date
  config: TimingConfig
  keyEncryption: KeyEncryption
  platform: Pick<Platform, 'createSigner'>
  log: Log
  cache?: KeyringCache
}

const maximumAgeMilliseconds = publicKeysMaximumAgeSeconds * 1000

export function createKeyringCache(): KeyringCache {
  return { current: undefined, checkedAt: Number.NEGATIVE_INFINITY }
}

/** Performs no I/O until it is asked. One read of the ring is under way at most; whoever needs a newer one waits for the next. */
export function createKeyring(options: KeyringOptions): Keyring {
  const { db, now, log, cache = createKeyringCache() } = options
  let loading: Promise<OpenRing> | undefined
  let checking: Promise<OpenRing> | undefined
  let failedAt = Number.NEGATIVE_INFINITY

  async function load(): Promise<OpenRing> {
    const at = now()
    const rows = await readRing(db)
    if (!rows) throw new Error('the database is empty: no key ring was made yet')
    const opened = await openRing(rows, cache.current, options, at)
    for (const [kid, fault] of opened.faults) log('error', 'signing_key.unusable', { kid, error: fault })
    cache.current = opened
    cache.checkedAt = at.getTime()
    return opened
  }

  function startLoading(): Promise<OpenRing> {
    loading ??= load().finally(() => {
      loading = undefined
    })
    return loading
  }

  /** A read that began after this call: one that was under way may have missed the change that the caller knows of. */
  async function loadAnew(): Promise<OpenRing> {
    await loading
    return await startLoading()
  }

  /** The ring that the database has now, read again only if it is another. */
  async function current(): Promise<OpenRing> {
    const at = now().getTime()
    const { current } = cache
    if (!current || current.faults.size > 0 || (await readRingGeneration(db)) !== current.ring.generation)
      return await loadAnew()
    cache.checkedAt = at
    return current
  }

  /** Good enough for what may be a second old: whoever asks while somebody asks waits for the same answer. */
  function currentShared(): Promise<OpenRing> {
    checking ??= current().finally(() => {
      checking = undefined
    })
    return checking
  }

  async function ofGeneration(generation: number): Promise<OpenRing> {
    const joined = await loading
    return joined?.ring.generation === generation ? joined : await loadAnew()
  }

  return {
    signer(purpose, generation, algorithm = defaultAlgorithm) {
      const ring = cache.current
      const line = { algorithm, purpose }
      if (ring && ring.ring.generation === generation) return signerAt(ring, line, now().getTime())
      return unavailableUnless(generation === undefined ? current() : ofGeneration(generation)).then((opened) =>
        signerAt(opened, line, now().getTime()),
      )
    },

    async activeAlgorithms(purpose) {
      return activeAlgorithms(await unavailableUnless(current()), purpose, now().getTime())
    },

    async publicKeys(purpose) {
      const at = now()
      const known = cache.current
      if (known && (isFresh(cache.checkedAt, at) || isFresh(failedAt, at))) return publicJwks(known.ring, purpose, at)
      const opened = await unavailableUnless(currentShared()).catch((error: unknown) => {
        if (!known) throw error
        failedAt = at.getTime()
        log('warn', 'signing_keys.stale', { error })
        return known
      })
      return publicJwks(opened.ring, purpose, at)
    },

    publicKeysAge: () => Math.abs(now().getTime() - cache.checkedAt) / 1000,

    async reload() {
      await unavailableUnless(loadAnew())
    },

    state() {
      const ring = cache.current
      if (!ring) return { generation: undefined, usable: false, reason: 'the key ring has not been read yet' }
      const { generation } = ring.ring
      const [fault] = ring.faults
      const reason = fault ? { reason: `the signing key ${fault[0]} cannot be used: ${messageOf(fault[1])}` } : {}
      const usable = keyPurposes.every((purpose) =>
        activeAlgorithms(ring, purpose, now().getTime()).includes(defaultAlgorithm),
      )
      return usable
        ? { generation, usable, ...reason }
        : { generation, usable, reason: 'no active signing key', ...reason }
    },
  }
}

/** A clock that was set back makes an age negative: not fresh. */
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

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : 'unknown error'
}
