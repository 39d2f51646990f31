import { ServiceError } from '../../src/errors.ts'

/** Every name with every other one and with itself, in one order. */
export function pairsOf(names: readonly string[]): (readonly [string, string])[] {
  return names.flatMap((one, index) => names.slice(index).map((other) => [one, other] as const))
}

/** Refusals are answers. A deadlock, a timeout and an unexpected error are not. */
export function failuresOf(results: readonly PromiseSettledResult<unknown>[]): unknown[] {
  const reasons = results.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []))
  return reasons.filter((reason) => !(reason instanceof ServiceError) || reason.status >= 500)
}
