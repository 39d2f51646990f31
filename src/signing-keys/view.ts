import type { SigningKeyUsageRow } from '../usage/queries.ts'
import { activePeriods } from './activations.ts'
import type { SigningKeyState } from './lifecycle.ts'
import type { ActivationRow } from './queries.ts'
import { type KeySeries, keysOf, lifecycleOf, periodsOf, type Ring, type RingKey } from './ring.ts'
import type { Algorithm, KeyPurpose } from './signer.ts'

/** A signing key as the admin API shows it, without key material. Times are RFC 3339 strings. */
export type SigningKeyView = {
  kid: string
  purpose: KeyPurpose
  algorithm: Algorithm
  /** Counts the keys of this purpose and algorithm from 1, in the order they were published. */
  version: number
  origin: 'generated' | 'imported'
  /** Computed when the view is made. */
  state: SigningKeyState
  createdAt: string
  createdBy: string
  publishedAt: string
  /** The safe time: by then every verifier should hold the key. It is not activated earlier without force. */
  safeAt: string
  /** Its latest activation, past or planned; null when it has none. */
  activatesAt: string | null
  /** When another key took over, or will. Null if none is planned to. */
  followedAt: string | null
  /** When it stops being published. Null while no key follows it. */
  retiresAt: string | null
  revokedAt: string | null
  revokedBy: string | null
  revocationReason: string | null
  /** Counts and times of the tokens it signed, some seconds behind. Null if nothing is recorded. */
  usage: { tokens: number; lastSignedAt: string; lastExpiresAt: string } | null
}

/** `overtaken`: a later decision replaced it before it took effect. */
type SigningKeyActivation = {
  sequence: number
  activatesAt: string
  state: 'effective' | 'planned' | 'overtaken'
  decidedAt: string
  actor: string
  reason: string
}

export type SigningKeyDetail = SigningKeyView & { activations: SigningKeyActivation[] }

export function signingKeyView(
  ring: Ring,
  key: RingKey,
  now: Date,
  usage: SigningKeyUsageRow | undefined,
): SigningKeyView {
  const { kid, purpose, algorithm, origin, createdAt, createdBy, publishedAt, revokedAt, revokedBy, revocationReason } =
    key
  const { state, activatesAt, followedAt, safeAt, retiresAt } = lifecycleOf(ring, key, now)
  return {
    kid,
    purpose,
    algorithm,
    version: inOrder(ring, key).indexOf(key) + 1,
    origin,
    state,
    createdAt: createdAt.toISOString(),
    createdBy,
    publishedAt: publishedAt.toISOString(),
    safeAt: safeAt.toISOString(),
    activatesAt: activatesAt?.toISOString() ?? null,
    followedAt: followedAt?.toISOString() ?? null,
    retiresAt: retiresAt?.toISOString() ?? null,
    revokedAt: revokedAt?.toISOString() ?? null,
    revokedBy,
    revocationReason,
    usage: usage
      ? {
          tokens: usage.tokens,
          lastSignedAt: usage.lastSignedAt.toISOString(),
          lastExpiresAt: usage.lastExpiresAt.toISOString(),
        }
      : null,
  }
}

/** By publication time. Keys published at the same time, as in bootstrap, are ordered by their first activation. */
function inOrder(ring: Ring, series: KeySeries): RingKey[] {
  const activation = ({ kid }: RingKey) =>
    periodsOf(ring, series).find((period) => period.kid === kid)?.from ?? Number.MAX_VALUE
  return keysOf(ring, series).sort(
    (a, b) => a.publishedAt.getTime() - b.publishedAt.getTime() || activation(a) - activation(b),
  )
}

/**
 * The activations of one key, oldest first. `history` must be that of the whole series, to show which were overtaken.
 */
export function signingKeyActivations(
  history: readonly ActivationRow[],
  kid: string,
  now: Date,
): SigningKeyActivation[] {
  const periods = activePeriods(history)
  const ofKey = history.filter((row) => row.kid === kid).toSorted((a, b) => a.sequence - b.sequence)
  return ofKey.map(({ sequence, activatesAt, createdAt, actor, reason }) => {
    const hasPeriod = periods.some((period) => period.kid === kid && period.from === activatesAt.getTime())
    const state = !hasPeriod ? 'overtaken' : activatesAt > now ? 'planned' : 'effective'
    return {
      sequence,
      activatesAt: activatesAt.toISOString(),
      state,
      decidedAt: createdAt.toISOString(),
      actor,
      reason,
    }
  })
}
