type Drain = {
  hasBegun(): boolean
  /** Resolves after the time, or earlier at another call of `drain` or `end`. */
  drain(): Promise<void>
  end(): void
}

/** The time between the order to stop and the end of new connections. */
export function createDrain(seconds: number): Drain {
  const over = Promise.withResolvers<void>()
  let begun = false
  return {
    hasBegun: () => begun,
    async drain() {
      if (begun) return over.resolve()
      begun = true
      const timer = setTimeout(over.resolve, seconds * 1000)
      await over.promise
      clearTimeout(timer)
    },
    end() {
      begun = true
      over.resolve()
    },
  }
}
