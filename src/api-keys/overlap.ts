/** Decides when a key's secret should be replaced. */
type RotationPolicy = {
  readonly rotateEverySeconds: number | null
  /** When the newest version was created: a rotation begins a new period. */
  readonly versionCreatedAt: Date
}

/**
 * When the newest version should be replaced; null without a policy. A key that is not rotated by then keeps working.
 */
export function rotationDueAt({ rotateEverySeconds, versionCreatedAt }: RotationPolicy): Date | null {
  return rotateEverySeconds === null ? null : new Date(versionCreatedAt.getTime() + rotateEverySeconds * 1000)
}

/** The plan's limits on an overlap, in seconds. */
type OverlapLimits = { readonly defaultOverlapSeconds: number; readonly maxOverlapSeconds: number }

/**
 * When the replaced version stops working: after the overlap, or with the key if that ends sooner. Undefined = the
 * overlap is longer than the plan allows.
 */
export function overlapEnd(
  apiKey: { readonly expiresAt: Date | null; readonly versionExpiresAt: Date | null },
  overlapSeconds: number | undefined,
  { defaultOverlapSeconds, maxOverlapSeconds }: OverlapLimits,
  now: Date,
): Date | undefined {
  const seconds = overlapSeconds ?? defaultOverlapSeconds
  if (seconds > maxOverlapSeconds) return undefined
  const ends = [new Date(now.getTime() + seconds * 1000), apiKey.expiresAt, apiKey.versionExpiresAt].filter(
    (end) => end !== null,
  )
  return new Date(Math.max(now.getTime(), Math.min(...ends.map((end) => end.getTime()))))
}
