import { type ActivePeriod, activePeriods } from './activations.ts'
import {
  activationSafeAt,
  type KeyTiming,
  keyTiming,
  retiresAt,
  type SigningKeyState,
  signingKeyState,
  type TimingConfig,
} from './lifecycle.ts'
import type { RingRows, SigningKeyRow } from './queries.ts'
import { type Algorithm, isAlgorithm, type KeyPurpose } from './signer.ts'

export const keyPurposes: readonly KeyPurpose[] = ['token', 'record']

export type RingKey = SigningKeyRow & { readonly algorithm: Algorithm }

/** The rows with what follows from them: a pure view of one generation, from which every instant's state can be read. */
export type Ring = {
  readonly generation: number
  /** Oldest first. Keys with an algorithm that this version does not know are left to the version that made them. */
  readonly keys: readonly RingKey[]
  /** Read by `periodsOf`: each algorithm of a purpose has an active key of its own. */
  readonly periods: ReadonlyMap<string, readonly ActivePeriod[]>
  readonly timing: KeyTiming
}

export type KeyStanding = {
  readonly state: SigningKeyState
  /** When the key took over last, or will; null when no activation names it. */
  readonly activatesAt: Date | null
  readonly safeAt: Date
  readonly retiresAt: Date | null
}

export function ringOf(rows: RingRows, config: TimingConfig): Ring {
  const histories = Map.groupBy(rows.activations.filter(hasKnownAlgorithm), lineName)
  return {
    generation: rows.generation,
    keys: rows.keys.filter(hasKnownAlgorithm).sort(byAge),
    periods: new Map([...histories].map(([name, history]) => [name, activePeriods(history)])),
    timing: keyTiming(config, rows.largestTokenTtlSeconds),
  }
}

/** One sequence of keys, each following the other: there is one active key in it, whatever the other lines do. */
export type KeyLine = { readonly algorithm: Algorithm; readonly purpose: KeyPurpose }

/** Of all keys of the algorithm and purpose; empty when the ring has none of them. */
export function periodsOf(ring: Ring, line: KeyLine): readonly ActivePeriod[] {
  return ring.periods.get(lineName(line)) ?? []
}

function lineName({ algorithm, purpose }: KeyLine): string {
  return `${purpose} ${algorithm}`
}

export function standingOf(ring: Ring, key: RingKey, now: Date): KeyStanding {
  const periods = periodsOf(ring, key)
  const last = periods.findLast(({ kid }) => kid === key.kid)
  return {
    state: signingKeyState(key, periods, ring.timing, now),
    activatesAt: last ? new Date(last.from) : null,
    safeAt: activationSafeAt(key, ring.timing),
    retiresAt: retiresAt(key, periods, ring.timing),
  }
}

/** The key that signs next: published, not yet active; the one published longest when there are several. */
export function pendingKey(ring: Ring, purpose: KeyPurpose, now: Date): RingKey | undefined {
  return ring.keys.find((key) => key.purpose === purpose && standingOf(ring, key, now).state === 'pending')
}

function hasKnownAlgorithm<Row extends { algorithm: string }>(row: Row): row is Row & { algorithm: Algorithm } {
  return isAlgorithm(row.algorithm)
}

/** Never depends on the order in which the database gives rows: what is published keeps its ETag. */
function byAge(a: RingKey, b: RingKey): number {
  return a.publishedAt.getTime() - b.publishedAt.getTime() || (a.kid < b.kid ? -1 : 1)
}
