/** The clock for staleness: it never jumps and never goes back. Milliseconds since an arbitrary start. */
export const monotonicMilliseconds = (): number => performance.now()

/** Whether this is Cloudflare Workers, where no timer runs between requests and two requests cannot share I/O. */
export function runsOnWorkers(): boolean {
  return globalThis.navigator?.userAgent === 'Cloudflare-Workers'
}

/** A timer that does not keep the process alive. */
export function backgroundTimer(task: () => void, milliseconds: number): ReturnType<typeof setTimeout> {
  const timer: ReturnType<typeof setTimeout> & { unref?: () => void } = setTimeout(task, milliseconds)
  timer.unref?.()
  return timer
}

/**
 * Rejects with `late()` when the work has not settled in time, and aborts the signal that the work was given. Work that ignores the
 * signal goes on: its late result must be harmless.
 */
export async function withDeadline<T>(
  work: (signal: AbortSignal) => Promise<T>,
  milliseconds: number,
  late: () => Error,
): Promise<T> {
  const controller = new AbortController()
  let timer: ReturnType<typeof setTimeout> | undefined
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      // Before the abort, so that the caller gets this error and not the one of an aborted fetch.
      reject(late())
      controller.abort()
    }, milliseconds)
  })
  try {
    return await Promise.race([work(controller.signal), deadline])
  } finally {
    clearTimeout(timer)
  }
}

/** Checks an option in milliseconds. Throws `TypeError`. */
export function positiveMilliseconds(name: string, value: number): number {
  if (!(Number.isFinite(value) && value > 0)) throw new TypeError(`${name} must be a positive number of milliseconds`)
  return value
}
