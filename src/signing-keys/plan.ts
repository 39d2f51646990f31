import { periodAt } from './activations.ts'
import { activationSafeAt } from './lifecycle.ts'
import { findKey, historyOf, type KeySeries, nextKey, periodsOf, type Ring } from './ring.ts'
import { appendActivation, publishKey, type RingChange, readSnapshot } from './ring-change.ts'
import type { SealedKey } from './sealed-key.ts'

export type PlannedActivation = { readonly kid: string; readonly activatesAt: Date; readonly published: boolean }

/**
 * Makes sure that the series has a next key with a planned activation. If no key is pending, publishes `prepared`. The
 * next key takes over when the active one has signed for a rotation interval, but never before its safe time. Returns
 * undefined if the series already has its plan. `activatedAt`: pass it if the same change activated a key, because that
 * time may be a millisecond after now.
 */
export async function planNext(
  change: RingChange,
  series: KeySeries,
  prepared: SealedKey,
  actor: string,
  activatedAt: Date = change.now,
): Promise<PlannedActivation | undefined> {
  const { ring, rows } = await readSnapshot(change)
  const at = activatedAt > change.now ? activatedAt : change.now
  if (hasPlan(ring, series, at)) return undefined
  const pending = nextKey(ring, series, at)
  if (!pending) await publishKey(change, prepared, actor)
  const { kid, publishedAt } = pending ?? { kid: prepared.kid, publishedAt: change.now }
  const active = periodAt(periodsOf(ring, series), at.getTime())
  const due = active ? active.from + change.config.rotateEverySeconds * 1000 : 0
  const wanted = new Date(Math.max(due, activationSafeAt({ publishedAt }, ring.timing).getTime()))
  const revoked = plannedActivations(ring, series, at).find(({ isRevoked }) => isRevoked)
  if (active && revoked && revoked.from < wanted.getTime()) {
    // Activations cannot be deleted, only replaced by later ones. So activate the active key again, to keep the revoked
    // key from becoming active first.
    const reason = 'the planned key was revoked'
    await appendActivation(change, series, { kid: active.kid, wanted: at, actor, reason })
  }
  const reason = historyOf(rows, series).length === 0 ? 'first of its algorithm' : 'rotation interval'
  const { activatesAt } = await appendActivation(change, series, { kid, wanted, actor, reason })
  return { kid, activatesAt, published: !pending }
}

/** Whether the series has a next key with a planned activation, and no planned activation is of a revoked key. */
export function hasPlan(ring: Ring, series: KeySeries, now: Date): boolean {
  const planned = plannedActivations(ring, series, now)
  return planned.length > 0 && planned.every(({ isRevoked }) => !isRevoked)
}

function plannedActivations(ring: Ring, series: KeySeries, now: Date): { from: number; isRevoked: boolean }[] {
  const ahead = periodsOf(ring, series).filter(({ from }) => from > now.getTime())
  return ahead.map(({ kid, from }) => ({ from, isRevoked: isRevoked(ring, kid) }))
}

function isRevoked(ring: Ring, kid: string): boolean {
  const key = findKey(ring, kid)
  return !key || key.revokedAt !== null
}
