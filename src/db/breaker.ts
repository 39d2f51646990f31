/** Refuses calls without trying while the database has been failing. */
export type Breaker = {
  allows(): boolean
  succeeded(): void
  failed(): void
  isOpen(): boolean
}

export type BreakerOptions = {
  /** So many failures without a success between them open it. */
  failuresToOpen: number
  /** While open, one call in each such time is let through to see. */
  retryMilliseconds: number
  /** Milliseconds of any clock that only grows. */
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
      // Moved on at once and not when the probe ends: a probe that reports nothing must not keep the door shut.
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
