/**
 * One row of the history: this key signs from `activatesAt` on, until an activation with a higher sequence takes
 * effect.
 */
export type Activation = {
  readonly sequence: number
  readonly kid: string
  readonly activatesAt: Date
}

/**
 * The key signs from `from` until just before `until`. Milliseconds since 1970; the last period's `until` is infinite.
 */
export type ActivePeriod = {
  readonly kid: string
  readonly from: number
  readonly until: number
}

/**
 * The past, current and future active periods of one series: oldest first, without gaps. An activation never takes
 * effect, and has no period, if one with a higher sequence activates at the same time or earlier.
 */
export function activePeriods(activations: readonly Activation[]): ActivePeriod[] {
  const periods: ActivePeriod[] = []
  let until = Number.POSITIVE_INFINITY
  for (const { kid, activatesAt } of activations.toSorted((a, b) => b.sequence - a.sequence)) {
    const from = activatesAt.getTime()
    if (from >= until) continue
    periods.push({ kid, from, until })
    until = from
  }
  return periods.reverse()
}

/** The period that contains the time (milliseconds). Undefined before the first activation. */
export function periodAt(periods: readonly ActivePeriod[], at: number): ActivePeriod | undefined {
  return periods.find(({ from, until }) => from <= at && at < until)
}

/**
 * The next row of the history. It takes effect at the wanted time, but at least one millisecond after the active key's
 * activation. So activations that took effect are always in order, even if the clock goes back. It replaces every
 * activation planned for later.
 */
export function nextActivation(history: readonly Activation[], kid: string, wanted: Date, now: Date): Activation {
  const active = periodAt(activePeriods(history), now.getTime())
  return {
    sequence: Math.max(0, ...history.map(({ sequence }) => sequence)) + 1,
    kid,
    activatesAt: new Date(Math.max(wanted.getTime(), active ? active.from + 1 : Number.NEGATIVE_INFINITY)),
  }
}
