import { backoffMilliseconds, type Pauses } from '../kit/backoff.ts'

/** Refuses calls without trying while the database keeps failing. */
type Breaker = {
  allows(): boolean
  succeeded(): void
  failed(): void
  isOpen(): boolean
}

type BreakerOptions = {
  /** Opens after this many failures in a row. */
  failuresToOpen: number
  /** While open, lets one call through after each of these, to see whether the database is back. */
  pauses: Pauses
  /** Monotonic milliseconds. */
  clock: () => number
  /** Called when it opens. */
  onOpen: () => void
}

export function createBreaker({ failuresToOpen, pauses, clock, onOpen }: BreakerOptions): Breaker {
  let failures = 0
  let open = false
  let retryAt = 0
  let failedProbes = 0
  let isProbing = false
  const pause = () => {
    retryAt = clock() + backoffMilliseconds(failedProbes + 1, pauses)
  }
  return {
    allows: () => {
      if (!open) return true
      if (clock() < retryAt) return false
      // Set now and not when the probe ends: a probe that never reports must not block the next one.
      isProbing = true
      pause()
      return true
    },
    succeeded: () => {
      failures = 0
      failedProbes = 0
      isProbing = false
      open = false
    },
    failed: () => {
      failures++
      if (failures < failuresToOpen) return
      if (!open) {
        open = true
        pause()
        onOpen()
      } else if (isProbing) {
        isProbing = false
        failedProbes++
        pause()
      }
    },
    isOpen: () => open,
  }
}
