/** The clock for staleness: it never jumps and never goes back. Milliseconds since an arbitrary start. */
export const monotonicMilliseconds = (): number => performance.now()

/** Whether this is Cloudflare Workers, where timers do not run between requests and two requests cannot share I/O. */
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
 * Rejects with `late()` if the work does not settle in time, and aborts the signal passed to the work. Work that
 * ignores the signal keeps running, so its late result must be harmless.
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
      // Reject before aborting, so that the caller gets this error and not the one from an aborted fetch.
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
