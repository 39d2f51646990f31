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
  /** While open, lets one call through per interval, to see whether the database is back. */
  retryMilliseconds: number
  /** Monotonic milliseconds. */
  clock: () => number
  /** Called when it opens. */
  onOpen: () => void
}

export function createBreaker({ failuresToOpen, retryMilliseconds, clock, onOpen }: BreakerOptions): Breaker {
  let failures = 0
  let open = false
  let retryAt = 0
  return {
    allows: () => {
      if (!open) return true
      if (clock() < retryAt) return false
      // Set now and not when the probe ends: a probe that never reports must not block the next one.
      retryAt = clock() + retryMilliseconds
      return true
    },
    succeeded: () => {
      failures = 0
      open = false
    },
    failed: () => {
      failures++
      if (failures < failuresToOpen) return
      retryAt = clock() + retryMilliseconds
      if (open) return
      open = true
      onOpen()
    },
    isOpen: () => open,
  }
}
