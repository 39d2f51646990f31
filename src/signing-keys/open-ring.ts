import type { KeyEncryption } from '../crypto/envelope.ts'
import { ServiceError } from '../errors.ts'
import type { Platform } from '../platform.ts'
import { type ActivePeriod, periodAt } from './activations.ts'
import type { TimingConfig } from './lifecycle.ts'
import type { RingRows } from './queries.ts'
import { findKey, isLive, type KeySeries, periodsOf, type Ring, type RingKey, ringOf, seriesName } from './ring.ts'
import { openSigner } from './sealing.ts'
import { type Algorithm, algorithms, type KeyPurpose, type Signer } from './signer.ts'

/** A ring with the signers of the keys that sign, or may sign later. */
export type OpenRing = {
  readonly ring: Ring
  readonly signers: ReadonlyMap<string, Signer>
  /** By kid, the reason why a key that should be able to sign cannot. */
  readonly faults: ReadonlyMap<string, unknown>
  /** The signer found last. Looked up again only when its period is over. */
  readonly active: Readonly<Record<KeyPurpose, Map<Algorithm, ActiveKey>>>
}

type ActiveKey = ActivePeriod & { readonly key: RingKey; readonly signer: Signer }

/**
 * Opens the pending, active and retiring keys. Retiring keys are included, because they sign again if the clock is set
 * back. A key that cannot be opened affects only itself: a damaged pending key must not stop the active one. Reuses the
 * previous ring's signers for keys that did not change.
 */
export async function openRing(
  rows: RingRows,
  previous: OpenRing | undefined,
  services: { config: TimingConfig; keyEncryption: KeyEncryption; platform: Pick<Platform, 'createSigner'> },
  now: Date,
): Promise<OpenRing> {
  const ring = ringOf(rows, services.config)
  const signers = new Map<string, Signer>()
  const faults = new Map<string, unknown>()
  const open = async (key: RingKey) => {
    try {
      signers.set(key.kid, previousSigner(previous, key) ?? (await openSigner(key, services)))
    } catch (error) {
      faults.set(key.kid, error)
    }
  }
  await Promise.all(ring.keys.filter((key) => isLive(ring, key, now)).map(open))
  return { ring, signers, faults, active: { token: new Map(), record: new Map() } }
}

/**
 * The signer that is active in the series at the time (milliseconds). Throws `keyring_unavailable` if no key is active,
 * or if the active key is revoked or cannot be opened.
 */
export function signerAt(open: OpenRing, series: KeySeries, at: number): Signer {
  const known = open.active[series.purpose]
  let active = known.get(series.algorithm)
  if (!active || at < active.from || at >= active.until) {
    active = findActive(open, series, at)
    known.set(series.algorithm, active)
  }
  if (active.key.revokedAt) throw unavailable(`the active ${seriesName(series)} key ${active.key.kid} is revoked`)
  return active.signer
}

/** The algorithms that have an active key for the purpose at the time (milliseconds). */
export function activeAlgorithms(open: OpenRing, purpose: KeyPurpose, at: number): Algorithm[] {
  return algorithms.filter((algorithm) => {
    try {
      return signerAt(open, { algorithm, purpose }, at).algorithm === algorithm
    } catch {
      return false
    }
  })
}

function findActive({ ring, signers, faults }: OpenRing, series: KeySeries, at: number): ActiveKey {
  const period = periodAt(periodsOf(ring, series), at)
  const key = findKey(ring, period?.kid)
  if (!period || !key) throw unavailable(`no ${seriesName(series)} key is active`)
  const signer = signers.get(key.kid)
  if (!signer) {
    throw unavailable(`the active ${seriesName(series)} key ${key.kid} cannot be opened`, faults.get(key.kid))
  }
  return { ...period, key, signer }
}

function previousSigner(previous: OpenRing | undefined, { kid, sealedPrivateKey }: RingKey): Signer | undefined {
  const known = previous && findKey(previous.ring, kid)
  return known?.sealedPrivateKey === sealedPrivateKey ? previous?.signers.get(kid) : undefined
}

function unavailable(reason: string, cause?: unknown): ServiceError {
  return new ServiceError('keyring_unavailable', { reason, cause })
}
