import { requireServiceWide } from '../access/authorize.ts'
import { type Change, type ChangeServices, change, type Lock } from '../access/change.ts'
import type { Permission } from '../access/permissions.ts'
import type { Principal } from '../access/principal.ts'
import type { Db } from '../db/database.ts'
import { ServiceError } from '../errors.ts'
import { addRevocationRules } from '../revocation/rule-queries.ts'
import type { Services } from '../services.ts'
import { nextActivation } from './activations.ts'
import { reloadKeyring } from './keyring.ts'
import {
  type ActivationRow,
  advanceRingGeneration,
  insertActivation,
  insertSigningKey,
  lockRing,
  markSigningKeyRevoked,
  type RingRows,
  requireRing,
} from './queries.ts'
import { findKey, historyOf, type KeySeries, type Ring, type RingKey, ringOf } from './ring.ts'
import type { SealedKey } from './sealed-key.ts'
import type { Algorithm, KeyPurpose } from './signer.ts'

export type RingServices = ChangeServices & Pick<Services, 'config' | 'db' | 'keyEncryption' | 'keyring'>

/** Identifies a series of the ring. The default algorithm is ES256. */
export type SeriesInput = { readonly purpose: KeyPurpose; readonly algorithm?: Algorithm }

/** The context of a ring change: a transaction that holds the ring's lock, and the time of the change. */
export type RingChange = {
  readonly tx: Db
  readonly now: Date
  readonly config: Services['config']
  /**
   * The ring as this change last saw it, kept up to date by the functions of this file: under the lock nobody else
   * changes it. Absent for a change that also writes to the ring by itself; then the ring is read each time.
   */
  readonly known?: { rows: RingRows }
}

/** The gate that a change of one series goes through: `changeRing`, or `tryRing` for a dry run. */
export type RingGate<View, Answer> = (
  services: RingServices,
  actor: Principal,
  permission: Permission,
  series: KeySeries,
  decide: (change: RingChange) => Promise<Change<View>>,
) => Promise<Answer>

/**
 * Changes one series of the ring: `change` under the ring's lock. `decide` names the subject of its event. Throws
 * `conflict` if the series was changed after the caller asked, so only one of several concurrent changes succeeds.
 */
export async function changeRing<View>(
  services: RingServices,
  actor: Principal,
  permission: Permission,
  series: KeySeries,
  decide: (change: RingChange) => Promise<Change<View>>,
): Promise<View> {
  requireServiceWide(actor, permission)
  const expected = latestSequence(await requireRing(services.db), series)
  const view = await change(services, actor, permission, ringLock(services), async (tx, _, now) => {
    const known = { rows: await requireRing(tx) }
    if (latestSequence(known.rows, series) !== expected) throw changedConcurrently()
    await advanceRingGeneration(tx) // before `decide` writes rules: service_state is locked before revocation_state
    return await decide({ tx, now, config: services.config, known })
  })
  await reloadKeyring(services)
  return view
}

/** Reads the clock after taking the lock, so that ring changes and their times are in the same order. */
export function ringLock({ now }: Pick<Services, 'now'>): Lock<undefined> {
  return async ({ tx }, work) => {
    await lockRing(tx)
    return await work({ thing: undefined, organizationId: null, subject: null, now: now() })
  }
}

/** The ring as this change sees it now, including its own writes. */
export async function readSnapshot({ tx, config, known }: RingChange): Promise<{ rows: RingRows; ring: Ring }> {
  const rows = known?.rows ?? (await requireRing(tx))
  return { rows, ring: ringOf(rows, config) }
}

/** A key that this change published or activated, as the change sees it now. */
export async function readChangedKey(change: RingChange, kid: string): Promise<{ ring: Ring; key: RingKey }> {
  const { ring } = await readSnapshot(change)
  const key = findKey(ring, kid)
  if (!key) throw new Error('the key that this change wrote is not in the ring')
  return { ring, key }
}

/** From now on the key is in the public set. */
export async function publishKey({ tx, now, known }: RingChange, key: SealedKey, actor: string): Promise<void> {
  const row = await insertSigningKey(tx, { ...key, createdAt: now, createdBy: actor, publishedAt: now })
  if (known) known.rows = { ...known.rows, keys: [...known.rows.keys, row] }
}

/**
 * Appends to the history of the series: the key signs from the wanted time on. Activations planned for later are
 * replaced.
 */
export async function appendActivation(
  change: RingChange,
  { algorithm, purpose }: KeySeries,
  activation: { kid: string; wanted: Date; actor: string; reason: string },
): Promise<ActivationRow> {
  const { kid, wanted, actor, reason } = activation
  const history = historyOf((await readSnapshot(change)).rows, { algorithm, purpose })
  const next = nextActivation(history, kid, wanted, change.now)
  const row = { ...next, algorithm, purpose, createdAt: change.now, actor, reason }
  await insertActivation(change.tx, row)
  const { known } = change
  if (known) known.rows = { ...known.rows, activations: [...known.rows.activations, row] }
  return row
}

/**
 * The keys never sign again and leave the set. If they are token keys, every token that they signed is refused. `others`
 * is what the change still writes to the ring, because revocation rules are written last (docs/architecture.md).
 */
export async function revokeKeys(
  { tx, now, known, config: { clockToleranceSeconds } }: RingChange,
  { kids, purpose, actor, reason }: { kids: readonly string[]; purpose: KeyPurpose; actor: Principal; reason: string },
  others: () => Promise<unknown>,
): Promise<void> {
  for (const kid of kids) {
    const revoked = await markSigningKeyRevoked(tx, { kid, by: actor.clientId, reason }, now)
    if (!revoked) throw new ServiceError('conflict')
    if (known) known.rows = { ...known.rows, keys: known.rows.keys.map((key) => (key.kid === kid ? revoked : key)) }
  }
  await others()
  if (purpose !== 'token') return
  const about = { organizationId: null, reason, actor: actor.clientId }
  const rules = kids.map((value) => {
    return { kind: 'signing_key' as const, value, expires: 'never' as const, ...about }
  })
  await addRevocationRules(tx, rules, clockToleranceSeconds, now)
}

export function changedConcurrently(): ServiceError {
  return new ServiceError('conflict', {
    detail: 'Somebody else changed the key ring at the same time. List the keys and decide again.',
  })
}

function latestSequence(rows: RingRows, series: KeySeries): number {
  return Math.max(0, ...historyOf(rows, series).map(({ sequence }) => sequence))
}
