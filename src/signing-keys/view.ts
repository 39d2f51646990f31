import type { SigningKeyUsageRow } from '../usage/queries.ts'
import { activePeriods } from './activations.ts'
import type { SigningKeyState } from './lifecycle.ts'
import type { ActivationRow } from './queries.ts'
import { type KeyLine, keysOf, periodsOf, type Ring, type RingKey, standingOf } from './ring.ts'
import type { Algorithm, KeyPurpose } from './signer.ts'

/** A signing key as the admin API shows it: no key material beyond its name. Instants are RFC 3339 texts. */
export type SigningKeyView = {
  kid: string
  purpose: KeyPurpose
  algorithm: Algorithm
  /** Counts the keys of this purpose and algorithm from 1, in the order of their publication. */
  version: number
  origin: 'generated' | 'imported'
  /** Computed at the moment of asking. */
  state: SigningKeyState
  createdAt: string
  createdBy: string
  publishedAt: string
  /** From here on verifiers can be expected to hold it: it is not activated earlier without force. */
  safeAt: string
  /** When it took over last, or will; null when nothing is planned. */
  activatesAt: string | null
  /** When another one followed it, or will; null when none does. */
  followedAt: string | null
  /** From here on it is unpublished; null while no other key follows it. */
  retiresAt: string | null
  revokedAt: string | null
  revokedBy: string | null
  revocationReason: string | null
  /** What it signed, behind by some seconds; null when nothing is known of it. */
  usage: { tokens: number; lastSignedAt: string; lastExpiresAt: string } | null
}

/** `overtaken`: a later decision came before it. */
export type SigningKeyActivation = {
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
  const { state, activatesAt, followedAt, safeAt, retiresAt } = standingOf(ring, key, now)
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

/** Of one line, by publication; keys of the same moment, as at the first start, by their turns. */
function inOrder(ring: Ring, line: KeyLine): RingKey[] {
  const turn = ({ kid }: RingKey) =>
    periodsOf(ring, line).find((period) => period.kid === kid)?.from ?? Number.MAX_VALUE
  return keysOf(ring, line).sort((a, b) => a.publishedAt.getTime() - b.publishedAt.getTime() || turn(a) - turn(b))
}

/** Those of one key, oldest first; `history` is its whole line's, without which nobody can tell which ones were overtaken. */
export function signingKeyActivations(
  history: readonly ActivationRow[],
  kid: string,
  now: Date,
): SigningKeyActivation[] {
  const periods = activePeriods(history)
  const own = history.filter((row) => row.kid === kid).toSorted((a, b) => a.sequence - b.sequence)
  return own.map(({ sequence, activatesAt, createdAt, actor, reason }) => {
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
