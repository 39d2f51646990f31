/** The result of one check. `skipped`: it could not be checked from here, and `detail` says why. */
export type Finding = {
  readonly name: string
  readonly state: 'ok' | 'failed' | 'skipped'
  readonly detail?: string
  /** What to do about it. */
  readonly hint?: string
}
