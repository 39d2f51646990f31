type Close = (deadlineMilliseconds?: number) => Promise<unknown>

/**
 * Collects what a start has opened. `close` closes it in reverse order, continues after a failure, and throws the first
 * error at the end.
 */
export function createCloser() {
  const closes: Close[] = []
  return {
    add: (close: Close) => void closes.push(close),
    async close(deadlineMilliseconds?: number): Promise<void> {
      const errors: unknown[] = []
      for (const close of closes.splice(0).reverse())
        await close(deadlineMilliseconds).catch((error: unknown) => errors.push(error))
      if (errors.length > 0) throw errors[0]
    },
  }
}
