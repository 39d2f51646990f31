/**
 * Records which names changed when, for the deltas of a feed. When it is full it forgets the oldest changes, and
 * readers that need them get the whole list.
 */
export type ChangeLog = {
  /** Forgets everything. From now on the log has every change by a transaction at or above `horizon`. */
  restart(horizon: bigint): void
  add(xactId: bigint, name: string): void
  /** Names changed by a transaction at or above `xmin`. Undefined if the log may have forgotten some of them. */
  since(xmin: bigint): ReadonlySet<string> | undefined
}

export function createChangeLog(limit = 10_000): ChangeLog {
  const lastChange = new Map<string, bigint>()
  let horizon: bigint | undefined

  /** Keeps the newest half. Changes of one transaction are kept or forgotten together. */
  function shorten(): void {
    const newestFirst = [...lastChange.values()].sort((a, b) => (a < b ? 1 : a > b ? -1 : 0))
    const firstForgotten = newestFirst[Math.floor(limit / 2)]
    if (firstForgotten === undefined) return
    horizon = firstForgotten + 1n
    for (const [name, xactId] of lastChange) if (xactId <= firstForgotten) lastChange.delete(name)
  }

  return {
    restart(from) {
      lastChange.clear()
      horizon = from
    },
    add(xactId, name) {
      const known = lastChange.get(name)
      if (known === undefined || known < xactId) lastChange.set(name, xactId)
      if (lastChange.size > limit) shorten()
    },
    since(xmin) {
      if (horizon === undefined || xmin < horizon) return undefined
      const names = new Set<string>()
      for (const [name, xactId] of lastChange) if (xactId >= xmin) names.add(name)
      return names
    },
  }
}
