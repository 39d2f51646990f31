import { sqlState } from './failure.ts'

/** Why a healthy server refused a change: its disk is full, or a row or table stayed locked. */
export type WriteRefusal = 'room' | 'lock'

export type RefusedWrites = {
  /** Counts the error if it is such a refusal. */
  note(error: unknown): void
  counts(): Readonly<Record<WriteRefusal, number>>
  /** The latest refusal of the last minute. */
  latest(): WriteRefusal | undefined
}

const memoryMilliseconds = 60_000

/** disk_full, lock_not_available, deadlock_detected */
const refusals: Readonly<Record<string, WriteRefusal>> = { '53100': 'room', '55P03': 'lock', '40P01': 'lock' }

/** @param clock Monotonic milliseconds. */
export function createRefusedWrites(clock: () => number = () => performance.now()): RefusedWrites {
  const counts = { room: 0, lock: 0 }
  let last: { refusal: WriteRefusal; at: number } | undefined
  return {
    note(error) {
      const refusal = refusals[sqlState(error) ?? '']
      if (refusal === undefined) return
      counts[refusal] += 1
      last = { refusal, at: clock() }
    },
    counts: () => ({ ...counts }),
    latest: () => (last && clock() - last.at < memoryMilliseconds ? last.refusal : undefined),
  }
}
