/** One row of the history: from `activatesAt` on this key signs, unless a higher sequence has come as well. */
export type Activation = {
  readonly sequence: number
  readonly kid: string
  readonly activatesAt: Date
}

/** The key signs from `from`, not after and not at `until`: milliseconds since 1970, `until` infinite for the last one. */
export type ActivePeriod = {
  readonly kid: string
  readonly from: number
  readonly until: number
}

/**
 * When which key of one algorithm and purpose was, is and will be active, oldest first and without a gap. An activation that a higher
 * sequence overtook (same instant or earlier) never takes effect and leaves no period.
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

/** The period that holds the instant: the highest sequence whose `activatesAt` has come. Undefined before the first. */
export function periodAt(periods: readonly ActivePeriod[], at: number): ActivePeriod | undefined {
  return periods.find(({ from, until }) => from <= at && at < until)
}

/**
 * The next row of the history. It takes effect at the wanted instant, or one millisecond after the key that signs now took over: the
 * instants of activations that took effect are strictly increasing, whatever the clock does. Activations still ahead of it are overtaken.
 */
export function nextActivation(history: readonly Activation[], kid: string, wanted: Date, now: Date): Activation {
  const active = periodAt(activePeriods(history), now.getTime())
  return {
    sequence: Math.max(0, ...history.map(({ sequence }) => sequence)) + 1,
    kid,
    activatesAt: new Date(Math.max(wanted.getTime(), active ? active.from + 1 : Number.NEGATIVE_INFINITY)),
  }
}
