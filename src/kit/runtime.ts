/** The clock that staleness is measured with: it neither jumps nor goes back. Milliseconds since some moment. */
export const monotonicMilliseconds = (): number => performance.now()

/** Cloudflare Workers, by the name that the platform gives itself: no timers between requests, and no I/O shared by two requests. */
export function runsOnWorkers(): boolean {
  return globalThis.navigator?.userAgent === 'Cloudflare-Workers'
}

/** A timer that keeps no process alive. */
export function backgroundTimer(task: () => void, milliseconds: number): ReturnType<typeof setTimeout> {
  const timer: ReturnType<typeof setTimeout> & { unref?: () => void } = setTimeout(task, milliseconds)
  timer.unref?.()
  return timer
}

/** Rejects when the work has not settled in time. The work itself goes on; what it brings later must be harmless. */
export async function withDeadline<T>(work: Promise<T>, milliseconds: number, late: () => Error): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(late()), milliseconds)
  })
  try {
    return await Promise.race([work, deadline])
  } finally {
    clearTimeout(timer)
  }
}

/** Checks an option that counts milliseconds, once, at construction. Throws `TypeError`. */
export function positiveMilliseconds(name: string, value: number): number {
  if (!(Number.isFinite(value) && value > 0)) throw new TypeError(`${name} must be a positive number of milliseconds`)
  return value
}
