import type { ChangeObserver } from '../kit/revocation/synced-rules.ts'

/**
 * Records which names changed when, for the deltas of a feed. When it is full it forgets the oldest changes, and
 * readers that need them get the whole list.
 */
export type ChangeLog = ChangeObserver & {
  /** Names whose last change has a higher number. Undefined if the log may have forgotten some of them. */
  since(sequence: number): ReadonlySet<string> | undefined
}

export function createChangeLog(limit = 10_000): ChangeLog {
  const lastChange = new Map<string, number>()
  /** The log has every change with a higher number. */
  let horizon: number | undefined

  /** Keeps the newest half. */
  function shorten(): void {
    const newestFirst = [...lastChange.values()].sort((a, b) => b - a)
    const firstForgotten = newestFirst[Math.floor(limit / 2)]
    if (firstForgotten === undefined) return
    horizon = firstForgotten
    for (const [name, sequence] of lastChange) if (sequence <= firstForgotten) lastChange.delete(name)
  }

  return {
    restart(sequence) {
      lastChange.clear()
      horizon = sequence
    },
    add(sequence, name) {
      lastChange.set(name, Math.max(sequence, lastChange.get(name) ?? 0))
      if (lastChange.size > limit) shorten()
    },
    since(sequence) {
      if (horizon === undefined || sequence < horizon) return undefined
      const names = new Set<string>()
      for (const [name, changed] of lastChange) if (changed > sequence) names.add(name)
      return names
    },
  }
}
