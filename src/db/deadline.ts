import { ServiceError } from '../errors.ts'

export const defaultDeadlineMilliseconds = 1500

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
