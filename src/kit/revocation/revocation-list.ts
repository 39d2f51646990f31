/** What a rule can name. Values: jti · client_id · `org_id sub` joined by one space · org_id · kid · `*`. */
export type RevocationKind = 'token' | 'api_key' | 'subject' | 'organization' | 'signing_key' | 'all'

/** One rule of the list. Instants are seconds since 1970, fractions allowed; see rules.ts for what it covers. */
export type RevocationRule = {
  readonly kind: RevocationKind
  readonly value: string
  /** `api_key` only: covers `key_version` up to this one. */
  readonly maxVersion: number | null
  /** Null = open: revoked whenever it was issued. */
  readonly issuedBefore: number | null
  readonly effectiveAt: number
  /** From this time on every token that it covers has expired; null = never. */
  readonly expiresAt: number | null
}

/** What the list needs to know about a verified token. */
export type RevocableToken = {
  readonly jti: string
  readonly clientId: string
  readonly keyVersion: number
  readonly organizationId: string
  readonly subject: string
  readonly kid: string
  /** Seconds since 1970, whole. */
  readonly issuedAt: number
}

/** The list cannot answer: not loaded yet, or older than its maximum staleness. Verifiers answer 503, never 401, and let nothing through. */
export class RevocationListUnavailable extends Error {
  readonly retryAfterSeconds: number
  constructor(reason: string, retryAfterSeconds = 1, options?: ErrorOptions) {
    super(reason, options)
    this.name = 'RevocationListUnavailable'
    this.retryAfterSeconds = retryAfterSeconds
  }
}

export type RevocationListState = {
  /** A full load happened and the last news is not older than the maximum staleness. */
  readonly usable: boolean
  /** Milliseconds since the last news; null before the first. */
  readonly ageMilliseconds: number | null
  /** Rules held in memory; null for a list that asks every time. */
  readonly rules: number | null
  readonly reason?: string
}

/**
 * Asked on every call, whether the token was cached or not.
 *
 * `namesOf` is computed once a token and kept beside its cached claims; `isRevoked` gives the verdict of this moment and is never
 * cached by its caller. Both answer without a promise where they can. `isRevoked` throws `RevocationListUnavailable` (or rejects
 * with it) when the list is not fresh enough.
 */
export type RevocationList = {
  namesOf(token: RevocableToken): readonly string[] | Promise<readonly string[]>
  isRevoked(token: RevocableToken, names: readonly string[]): boolean | Promise<boolean>
  /** Resolves when the list can answer for the first time; rejects with `RevocationListUnavailable` after the timeout. */
  ready(timeoutMilliseconds?: number): Promise<void>
  state(): RevocationListState
  close(): Promise<void>
}
