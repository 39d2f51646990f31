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
import type { ActivationRow, RingRows, SigningKeyRow } from './queries.ts'
import { type Algorithm, algorithms, isAlgorithm, type KeyPurpose } from './signer.ts'

export const keyPurposes: readonly KeyPurpose[] = ['token', 'record']

/** The keys of one algorithm and purpose: they follow one another, and one of them is active. */
export type KeyLine = { readonly algorithm: Algorithm; readonly purpose: KeyPurpose }

export type RingKey = SigningKeyRow & { readonly algorithm: Algorithm }

/** The rows with what follows from them: a pure view of one generation, from which every instant's state can be read. */
export type Ring = {
  readonly generation: number
  /** Oldest first. Keys with an algorithm that this version does not know are left to the version that made them. */
  readonly keys: readonly RingKey[]
  /** Of each line that has a history. */
  readonly periods: ReadonlyMap<string, readonly ActivePeriod[]>
  readonly timing: KeyTiming
}

export type KeyStanding = {
  readonly state: SigningKeyState
  /** When the key took over last, or will; null when no activation names it. */
  readonly activatesAt: Date | null
  /** When another one followed it last, or will; null when none does. */
  readonly followedAt: Date | null
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

/** When which key of the line was, is and will be active; empty for a line that the ring does not have. */
export function periodsOf(ring: Ring, line: KeyLine): readonly ActivePeriod[] {
  return ring.periods.get(lineName(line)) ?? []
}

/** The lines that the ring has: those with an activation, always in the same order. */
export function linesOf(ring: Ring): readonly KeyLine[] {
  const lines = keyPurposes.flatMap((purpose) => algorithms.map((algorithm) => ({ algorithm, purpose })))
  return lines.filter((line) => periodsOf(ring, line).length > 0)
}

/** The activations of one line. */
export function historyOf(rows: RingRows, { algorithm, purpose }: KeyLine): ActivationRow[] {
  return rows.activations.filter((row) => row.purpose === purpose && row.algorithm === algorithm)
}

export function standingOf(ring: Ring, key: RingKey, now: Date): KeyStanding {
  const periods = periodsOf(ring, key)
  const last = periods.findLast(({ kid }) => kid === key.kid)
  return {
    state: signingKeyState(key, periods, ring.timing, now),
    activatesAt: last ? new Date(last.from) : null,
    followedAt: last && Number.isFinite(last.until) ? new Date(last.until) : null,
    safeAt: activationSafeAt(key, ring.timing),
    retiresAt: retiresAt(key, periods, ring.timing),
  }
}

/** The key that signs at the instant; undefined only before a line's first activation. */
export function activeKey(ring: Ring, line: KeyLine, now: Date): RingKey | undefined {
  return keysOf(ring, line).find((key) => standingOf(ring, key, now).state === 'active')
}

/** The key that signs next: the one whose activation comes first; where none is planned, the one published longest. */
export function nextKey(ring: Ring, line: KeyLine, now: Date): RingKey | undefined {
  const at = now.getTime()
  const planned = periodsOf(ring, line).find(({ from }) => from > at)
  const pending = keysOf(ring, line).filter((key) => standingOf(ring, key, now).state === 'pending')
  return pending.find(({ kid }) => kid === planned?.kid) ?? pending[0]
}

/** Oldest first. */
export function keysOf(ring: Ring, { algorithm, purpose }: KeyLine): RingKey[] {
  return ring.keys.filter((key) => key.algorithm === algorithm && key.purpose === purpose)
}

function lineName({ algorithm, purpose }: KeyLine): string {
  return `${algorithm} ${purpose}`
}

function hasKnownAlgorithm<Row extends { algorithm: string }>(row: Row): row is Row & { algorithm: Algorithm } {
  return isAlgorithm(row.algorithm)
}

/** Never depends on the order in which the database gives rows: what is published keeps its ETag. */
function byAge(a: RingKey, b: RingKey): number {
  return a.publishedAt.getTime() - b.publishedAt.getTime() || (a.kid < b.kid ? -1 : 1)
}
