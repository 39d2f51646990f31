import { ServiceError } from '../errors.ts'

export const defaultDeadlineMilliseconds = 1500

/**
 * The time that all calls of one request may take together. Only the time in which it waits for the database counts:
 * not how long its body takes to arrive, and concurrent calls count once.
 */
export type Budget = {
  /** Runs the work with what is left of the time. Rejects without running it if nothing is left. */
  spend<Result>(work: (milliseconds: number) => Promise<Result>): Promise<Result>
}

/** @param clock Monotonic milliseconds. */
export function createBudget(milliseconds: number, clock: () => number = () => performance.now()): Budget {
  let spent = 0
  let running = 0
  let since = 0
  return {
    async spend(work) {
      const at = clock()
      const left = milliseconds - spent - (running > 0 ? at - since : 0)
      if (left <= 0) throw unavailable('the request took too long')
      if (running === 0) since = at
      running += 1
      try {
        return await work(left)
      } finally {
        running -= 1
        if (running === 0) spent += clock() - since
      }
    },
  }
}

/** Runs one call under its deadline. */
export type Limit = <Result>(work: (call: Call) => Promise<Result>) => Promise<Result>

/** Each call has this deadline, or what is left of the budget if that is less. */
export function limitOf(milliseconds: number, budget?: Budget): Limit {
  return (work) =>
    budget === undefined
      ? withinDeadline(milliseconds, work)
      : budget.spend((left) => withinDeadline(Math.min(left, milliseconds), work))
}

/**
 * One call under a deadline. Each stage of the call sets the error that the caller gets if time runs out in that stage.
 */
export type Call = {
  /** True after the deadline: nothing may be sent for this call any more. */
  passed: boolean
  /** Called once, at the deadline: stops what is running and returns the error for the caller. */
  onDeadline: () => ServiceError
}

/**
 * Runs the work, and rejects at the deadline. Waiting for a turn, connecting and all statements share that deadline.
 * Does not stop the work: `call.onDeadline` does that.
 */
export function withinDeadline<Result>(milliseconds: number, work: (call: Call) => Promise<Result>): Promise<Result> {
  return new Promise((resolve, reject) => {
    const call: Call = { passed: false, onDeadline: () => unavailable('no connection was free in time') }
    let settled = false
    const pass = () => {
      if (settled) return
      settled = true
      call.passed = true
      reject(call.onDeadline())
    }
    // Waits one more turn of the event loop: if this process stalled, the answer may already be in the socket.
    const timer = setTimeout(() => setTimeout(pass, 0), milliseconds)
    const settle = (finish: () => void) => {
      clearTimeout(timer)
      if (settled) return
      settled = true
      finish()
    }
    work(call).then(
      (result) => settle(() => resolve(result)),
      (error: unknown) => settle(() => reject(error)),
    )
  })
}

/** Nothing was changed: the statement was never sent, only read, or was rolled back. */
export function unavailable(reason: string, cause?: unknown): ServiceError {
  return new ServiceError('database_unavailable', { reason, cause })
}

/** A change was sent, and its answer never came. */
export function outcomeUnknown(reason: string, cause?: unknown): ServiceError {
  return new ServiceError('outcome_unknown', { reason, cause })
}
