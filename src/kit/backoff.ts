/** Milliseconds. */
export type Pauses = { readonly first: number; readonly longest: number }

/**
 * The pause before the next try, after this many failures in a row: doubles up to the longest. Jitter shortens it by up
 * to half, so that processes that failed together do not try again together.
 */
export function backoffMilliseconds(failures: number, { first, longest }: Pauses): number {
  return Math.min(longest, first * 2 ** Math.max(0, failures - 1)) * (0.5 + Math.random() / 2)
}
