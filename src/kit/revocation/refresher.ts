import { backoffMilliseconds } from '../backoff.ts'
import { backgroundTimer, positiveMilliseconds, withDeadline } from '../runtime.ts'
import { RevocationListUnavailable } from './revocation-list.ts'

type RefresherOptions = {
  /**
   * Reads once and applies the result. `startedAt` is when the read began, by `monotonic`: data is as old as the start
   * of its read.
   */
  load(startedAt: number): Promise<void>
  /** When the read that brought the latest data began, by `monotonic`. Undefined before the first full load. */
  newsAt(): number | undefined
  monotonic(): number
  intervalMilliseconds: number
  maximumStalenessMilliseconds: number
  /** A read that takes longer counts as failed. */
  deadlineMilliseconds: number
  /** Use no timers, and share no reads between requests. A check reads first if the data is older than the interval. */
  inRequest: boolean
  /** Start on the first check, so that creating a list does no I/O. */
  startsWhenAsked?: boolean
  /** Called after each read that succeeded. */
  loaded?(): void
}

/** Keeps a list fresh, and reports when it is not. */
export type Refresher = {
  /**
   * Reads now, and then after every interval (with jitter) until closed. After failures in a row the pauses grow to
   * three seconds.
   */
  start(): void
  /** Starts a read after this call, so that it sees everything committed before. Rejects if the read fails. */
  refresh(): Promise<void>
  /** A hint that something changed: reads within about 20 ms. Several hints share one read. */
  soon(): void
  /**
   * Undefined if the list may answer now, a promise if it must read first. Throws or rejects with
   * `RevocationListUnavailable`.
   */
  ensureFresh(): undefined | Promise<void>
  ready(timeoutMilliseconds?: number): Promise<void>
  state(): { usable: boolean; ageMilliseconds: number | null; reason?: string }
  close(): void
}

/** Short, because a list that is too old refuses every token. */
const longestRetryMilliseconds = 3000

export function createRefresher(options: RefresherOptions): Refresher {
  const { newsAt, monotonic, inRequest } = options
  const interval = positiveMilliseconds('the refresh interval', options.intervalMilliseconds)
  const maximumStaleness = positiveMilliseconds('maximumStalenessMilliseconds', options.maximumStalenessMilliseconds)
  const deadline = positiveMilliseconds('deadlineMilliseconds', options.deadlineMilliseconds)
  let running: Promise<void> | undefined
  let queued: Promise<void> | undefined
  let started = false
  let attempted = false
  /** Polls that failed in a row. */
  let failures = 0
  let failure: unknown
  let closed = false
  let timer: ReturnType<typeof setTimeout> | undefined
  let hint: ReturnType<typeof setTimeout> | undefined
  const waiting = new Set<() => void>()

  /** Also false for a negative age: a clock that went back proves nothing. */
  function isYoungerThan(limit: number): boolean {
    const at = newsAt()
    if (at === undefined) return false
    const age = monotonic() - at
    return age >= 0 && age <= limit
  }

  async function attempt(): Promise<void> {
    if (closed) throw new Error('the list is closed')
    try {
      const late = () => new Error(`no answer within ${deadline} ms`)
      await withDeadline(() => options.load(monotonic()), deadline, late)
      failure = undefined
      options.loaded?.()
    } catch (error) {
      failure = error
      throw error
    } finally {
      attempted = true
      for (const wake of [...waiting]) wake()
    }
  }

  function run(): Promise<void> {
    running = attempt().finally(() => {
      running = undefined
    })
    return running
  }

  function refresh(): Promise<void> {
    if (inRequest) return attempt()
    if (!running) return run()
    // The running read may have started before the caller's change was committed. Only the next read counts.
    queued ??= settled(running).then(() => {
      queued = undefined
      return running ?? run()
    })
    return queued
  }

  async function poll(): Promise<void> {
    const worked = await refresh().then(
      () => true,
      () => false,
    )
    failures = worked ? 0 : failures + 1
    // Jitter only shortens the interval, because the promised latency of a revocation depends on it.
    const pause = worked
      ? interval * (0.75 + Math.random() * 0.2)
      : backoffMilliseconds(failures, { first: interval, longest: Math.max(interval, longestRetryMilliseconds) })
    if (!closed) timer = backgroundTimer(() => void poll(), pause)
  }

  function unavailable(): RevocationListUnavailable {
    const reason = describe(newsAt() === undefined, closed, failure)
    return new RevocationListUnavailable(reason, 1, failure === undefined ? {} : { cause: failure })
  }

  function requireFresh(): void {
    if (closed || !isYoungerThan(maximumStaleness)) throw unavailable()
  }

  function start(): void {
    if (started || closed || inRequest) return
    started = true
    void poll()
  }

  return {
    start,
    refresh,
    soon() {
      if (closed || inRequest) return
      hint ??= backgroundTimer(() => {
        hint = undefined
        void settled(refresh())
      }, Math.random() * 20)
    },
    ensureFresh() {
      if (closed) throw unavailable()
      if (options.startsWhenAsked) start()
      if (isYoungerThan(inRequest ? Math.min(interval, maximumStaleness) : maximumStaleness)) return undefined
      // Nothing reads in the background here, so the check reads. If that fails, the current data may still be fresh
      // enough.
      if (inRequest) return settled(attempt()).then(requireFresh)
      // The first checks of a process wait for its first read. They are neither refused nor let through.
      if (running && !attempted) return settled(running).then(requireFresh)
      throw unavailable()
    },
    async ready(timeoutMilliseconds = 10_000) {
      if (options.startsWhenAsked) start()
      if (inRequest && !closed && !isYoungerThan(interval)) await settled(attempt())
      const givesUpAt = monotonic() + timeoutMilliseconds
      while (!closed && !isYoungerThan(maximumStaleness)) {
        const left = givesUpAt - monotonic()
        if (inRequest || !(left > 0)) throw unavailable()
        await nextAttempt(left)
      }
      requireFresh()
    },
    state() {
      const at = newsAt()
      const usable = !closed && isYoungerThan(maximumStaleness)
      const ageMilliseconds = at === undefined ? null : Math.max(0, monotonic() - at)
      return usable
        ? { usable, ageMilliseconds }
        : { usable, ageMilliseconds, reason: describe(at === undefined, closed, failure) }
    },
    close() {
      closed = true
      clearTimeout(timer)
      clearTimeout(hint)
      for (const wake of [...waiting]) wake()
    },
  }

  /** The timer stays referenced. Otherwise a program that only waits for `ready` would end. */
  async function nextAttempt(atMostMilliseconds: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const wake = () => {
        clearTimeout(giveUp)
        waiting.delete(wake)
        resolve()
      }
      const giveUp = setTimeout(wake, atMostMilliseconds)
      waiting.add(wake)
    })
  }
}

function settled(work: Promise<void>): Promise<void> {
  return work.catch(() => {})
}

function describe(neverLoaded: boolean, closed: boolean, failure: unknown): string {
  if (closed) return 'the revocation list is closed'
  return describeFailure(
    `the revocation list is ${neverLoaded ? 'not loaded yet' : 'older than its maximum staleness'}`,
    failure,
  )
}

/** For the operator: what failed, and the first line of the cause. */
export function describeFailure(what: string, failure: unknown): string {
  if (!(failure instanceof Error)) return what
  const [firstLine = ''] = originOf(failure).message.split('\n')
  return `${what}: ${firstLine.slice(0, 200)}`
}

/** The server's own error; otherwise the outermost one that is not just a driver's "Failed query: …". */
function originOf(failure: Error): Error {
  const chain: Error[] = []
  for (let each: unknown = failure; each instanceof Error && chain.length < 10; each = each.cause) chain.push(each)
  return (
    chain.find((each) => 'severity' in each) ??
    chain.find(({ message }) => !message.startsWith('Failed query:')) ??
    failure
  )
}
