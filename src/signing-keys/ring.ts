import { type ActivePeriod, activePeriods, periodAt } from './activations.ts'
import {
  activationSafeAt,
  isLiveState,
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

/** The keys of one algorithm and purpose. They sign one after another, and only one is active at a time. */
export type KeySeries = { readonly algorithm: Algorithm; readonly purpose: KeyPurpose }

export type RingKey = SigningKeyRow & { readonly algorithm: Algorithm }

/** The rows of one generation and the values computed from them. It can tell the state at any time without I/O. */
export type Ring = {
  readonly generation: number
  /**
   * Oldest first. Keys whose algorithm this version does not know are left out. The version that created them handles
   * them.
   */
  readonly keys: readonly RingKey[]
  /** By series, for each series that has an activation. */
  readonly periods: ReadonlyMap<string, readonly ActivePeriod[]>
  readonly timing: KeyTiming
}

type KeyLifecycle = {
  readonly state: SigningKeyState
  /** The key's latest activation, past or planned; null when it has none. */
  readonly activatesAt: Date | null
  /** When another key took over, or will. Null if none is planned to. */
  readonly followedAt: Date | null
  readonly safeAt: Date
  readonly retiresAt: Date | null
}

export function ringOf(rows: RingRows, config: TimingConfig): Ring {
  const histories = Map.groupBy(rows.activations.filter(hasKnownAlgorithm), seriesName)
  return {
    generation: rows.generation,
    keys: rows.keys.filter(hasKnownAlgorithm).sort(byAge),
    periods: new Map([...histories].map(([name, history]) => [name, activePeriods(history)])),
    timing: keyTiming(config, rows.largestTokenTtlSeconds),
  }
}

/** The past, current and future active periods of the series. Empty if the ring does not have the series. */
export function periodsOf(ring: Ring, series: KeySeries): readonly ActivePeriod[] {
  return ring.periods.get(seriesName(series)) ?? []
}

/** The series that have an activation, always in the same order. */
export function allSeries(ring: Ring): readonly KeySeries[] {
  const possible = keyPurposes.flatMap((purpose) => algorithms.map((algorithm) => ({ algorithm, purpose })))
  return possible.filter((series) => periodsOf(ring, series).length > 0)
}

/** The activations of one series. */
export function historyOf(rows: RingRows, { algorithm, purpose }: KeySeries): ActivationRow[] {
  return rows.activations.filter((row) => row.purpose === purpose && row.algorithm === algorithm)
}

export function lifecycleOf(ring: Ring, key: RingKey, now: Date): KeyLifecycle {
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

/** Pending, active or retiring. */
export function isLive(ring: Ring, key: RingKey, now: Date): boolean {
  return isLiveState(lifecycleOf(ring, key, now).state)
}

export function findKey(ring: Ring, kid: string | undefined): RingKey | undefined {
  return ring.keys.find((key) => key.kid === kid)
}

/** The key that signs. Undefined before the first activation of a series, or if the active key is revoked. */
export function activeKey(ring: Ring, series: KeySeries, now: Date): RingKey | undefined {
  return keysOf(ring, series).find((key) => lifecycleOf(ring, key, now).state === 'active')
}

/** The kid of the latest activation that took effect, even if its key is revoked. Null before the first one. */
export function activeKid(ring: Ring, series: KeySeries, now: Date): string | null {
  return periodAt(periodsOf(ring, series), now.getTime())?.kid ?? null
}

/**
 * The key that signs next: the pending key with the earliest activation or, if none is planned, the pending key
 * published first.
 */
export function nextKey(ring: Ring, series: KeySeries, now: Date): RingKey | undefined {
  const at = now.getTime()
  const planned = periodsOf(ring, series).find(({ from }) => from > at)
  const pending = keysOf(ring, series).filter((key) => lifecycleOf(ring, key, now).state === 'pending')
  return pending.find(({ kid }) => kid === planned?.kid) ?? pending[0]
}

/** Oldest first. */
export function keysOf(ring: Ring, { algorithm, purpose }: KeySeries): RingKey[] {
  return ring.keys.filter((key) => key.algorithm === algorithm && key.purpose === purpose)
}

export function seriesName({ algorithm, purpose }: KeySeries): string {
  return `${algorithm} ${purpose}`
}

function hasKnownAlgorithm<Row extends { algorithm: string }>(row: Row): row is Row & { algorithm: Algorithm } {
  return isAlgorithm(row.algorithm)
}

/** Does not depend on the order in which the database returns rows, so that the published set keeps its ETag. */
function byAge(a: RingKey, b: RingKey): number {
  return a.publishedAt.getTime() - b.publishedAt.getTime() || (a.kid < b.kid ? -1 : 1)
}
