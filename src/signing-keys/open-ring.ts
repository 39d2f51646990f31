import type { KeyEncryption } from '../crypto/envelope.ts'
import { ServiceError } from '../errors.ts'
import type { Platform } from '../platform.ts'
import { type ActivePeriod, periodAt } from './activations.ts'
import type { TimingConfig } from './lifecycle.ts'
import type { RingRows } from './queries.ts'
import { type KeyLine, periodsOf, type Ring, type RingKey, ringOf, standingOf } from './ring.ts'
import { openSigner } from './sealing.ts'
import { type Algorithm, algorithms, type KeyPurpose, type Signer } from './signer.ts'

/** A ring with the signers of the keys that sign, or will sign when their time comes. */
export type OpenRing = {
  readonly ring: Ring
  readonly signers: ReadonlyMap<string, Signer>
  /** By kid, why a key that should sign cannot. */
  readonly faults: ReadonlyMap<string, unknown>
  /** What the last question found: asked again only when time has left its period. */
  readonly active: Readonly<Record<KeyPurpose, Map<Algorithm, ActiveKey>>>
}

type ActiveKey = ActivePeriod & { readonly key: RingKey; readonly signer: Signer }

/**
 * Opens the active, the pending and the retiring keys: after a clock was set back, it is the former key that signs. One that does not open is
 * a fault of that key, not of the ring: a damaged pending key must not stop the active one. Signers of the previous ring are taken over where
 * nothing changed.
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
  await Promise.all(ring.keys.filter((key) => maySign(ring, key, now)).map(open))
  return { ring, signers, faults, active: { token: new Map(), record: new Map() } }
}

/**
 * The active signer of the algorithm and purpose at the instant (milliseconds). Throws `keyring_unavailable` when there is none, or its key
 * is revoked.
 */
export function signerAt(open: OpenRing, line: KeyLine, at: number): Signer {
  const known = open.active[line.purpose]
  let active = known.get(line.algorithm)
  if (!active || at < active.from || at >= active.until) {
    active = findActive(open, line, at)
    known.set(line.algorithm, active)
  }
  const { revokedAt } = active.key
  if (revokedAt && revokedAt.getTime() <= at)
    throw unavailable(`the active ${nameOf(line)} key ${active.key.kid} is revoked`)
  return active.signer
}

/** The algorithms of the purpose with a key that signs at the instant (milliseconds). */
export function activeAlgorithms(open: OpenRing, purpose: KeyPurpose, at: number): Algorithm[] {
  return algorithms.filter((algorithm) => {
    try {
      return signerAt(open, { algorithm, purpose }, at).algorithm === algorithm
    } catch {
      return false
    }
  })
}

function findActive({ ring, signers, faults }: OpenRing, line: KeyLine, at: number): ActiveKey {
  const period = periodAt(periodsOf(ring, line), at)
  const key = ring.keys.find(({ kid }) => kid === period?.kid)
  if (!period || !key) throw unavailable(`no ${nameOf(line)} key is active`)
  const signer = signers.get(key.kid)
  if (!signer) throw unavailable(`the active ${nameOf(line)} key ${key.kid} cannot be opened`, faults.get(key.kid))
  return { ...period, key, signer }
}

function nameOf({ algorithm, purpose }: KeyLine): string {
  return `${algorithm} ${purpose}`
}

function maySign(ring: Ring, key: RingKey, now: Date): boolean {
  const { state } = standingOf(ring, key, now)
  return state === 'pending' || state === 'active' || state === 'retiring'
}

function previousSigner(previous: OpenRing | undefined, { kid, sealedPrivateKey }: RingKey): Signer | undefined {
  const known = previous?.ring.keys.find((key) => key.kid === kid)
  return known?.sealedPrivateKey === sealedPrivateKey ? previous?.signers.get(kid) : undefined
}

function unavailable(reason: string, cause?: unknown): ServiceError {
  return new ServiceError('keyring_unavailable', { reason, cause })
}
