import { ServiceError } from '../errors.ts'

export const defaultDeadlineMilliseconds = 1500

/** One call under a deadline; each stage that it reaches says what the caller is told when time runs out there. */
export type Call = {
  /** True once the caller was given up on: from here on nothing may be sent for it. */
  passed: boolean
  /** Called once, when the deadline passes: stops what is under way and tells what became of it. */
  onDeadline: () => ServiceError
}

/**
 * Runs the work, but never keeps its caller waiting longer than the deadline: waiting for a turn, connecting and every statement share it.
 * The work itself is not stopped; `call.onDeadline` does that.
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
    // Once more round the event loop: after a stall of this process the answer may lie in the socket already.
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

/** Nothing was changed: never sent, read only, or rolled back. */
export function unavailable(reason: string, cause?: unknown): ServiceError {
  return new ServiceError('database_unavailable', { reason, cause })
}

/** A change was sent and its answer never came. */
export function outcomeUnknown(reason: string, cause?: unknown): ServiceError {
  return new ServiceError('outcome_unknown', { reason, cause })
}
