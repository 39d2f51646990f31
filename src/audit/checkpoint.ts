/** `typ` of the JWS (RFC 7515 §4.1.9). */
export const checkpointType = 'mintage-audit-checkpoint+jwt'

/**
 * What a record key signs about the trail: afterwards, no change up to this event can go unnoticed. Described in
 * docs/audit.md.
 */
export type CheckpointClaims = {
  readonly iss: string
  /** When it was signed; whole seconds since 1970. */
  readonly iat: number
  /** The last event that it covers, and the hash of its link. */
  readonly sequence: number
  readonly hash: string
  /** How many events there are up to that one. */
  readonly count: number
}

/**
 * The active record key, ready to sign one checkpoint. Get it before a transaction begins: finding it may query the
 * database.
 */
export type CheckpointSigner = {
  readonly kid: string
  sign(claims: CheckpointClaims): string | Promise<string>
}

/** Undefined for a value of another shape. Does not check the signature: the caller has done that. */
export function readCheckpointClaims(payload: unknown): CheckpointClaims | undefined {
  if (typeof payload !== 'object' || payload === null) return undefined
  const { iss, iat, sequence, hash, count } = payload as Partial<Record<keyof CheckpointClaims, unknown>>
  if (typeof iss !== 'string' || !isHash(hash)) return undefined
  if (!isCount(iat) || !isCount(sequence) || !isCount(count)) return undefined
  return { iss, iat, sequence, hash, count }
}

export function isHash(value: unknown): value is string {
  return typeof value === 'string' && /^[0-9a-f]{64}$/.test(value)
}

export function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}
