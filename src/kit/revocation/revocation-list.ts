/**
 * What a rule can name. The values, in this order: jti · client_id · `org_id sub` joined by one space · org_id · kid ·
 * `*`.
 */
export type RevocationKind = 'token' | 'api_key' | 'subject' | 'organization' | 'signing_key' | 'all'

/** One rule of the list. Times are seconds since 1970, fractions allowed. rules.ts says which tokens it covers. */
export type RevocationRule = {
  readonly kind: RevocationKind
  readonly value: string
  /** `api_key` only: covers tokens whose `key_version` is at most this. Null = all versions. */
  readonly maxVersion: number | null
  /** `api_key` only: covers tokens whose `key_version` is at least this. Null = from the first version on. */
  readonly minVersion: number | null
  /**
   * Covers tokens whose `iat` is at most this, rounded up to a whole second. Null = covers tokens whenever they were
   * issued.
   */
  readonly issuedBefore: number | null
  /** Null = in force because it is on the list. A time = planned: in force from then on. */
  readonly effectiveAt: number | null
  /** By this time every covered token has expired. Null = the rule never expires. */
  readonly expiresAt: number | null
}

/** What the list needs from a verified token. */
export type RevocableToken = {
  readonly jti: string
  readonly clientId: string
  readonly keyVersion: number
  readonly organizationId: string
  readonly subject: string
  readonly kid: string
  /** Whole seconds since 1970. */
  readonly issuedAt: number
}

/**
 * The list cannot answer: it is not loaded yet, it is older than its maximum staleness, or its database did not answer.
 * Verifiers answer 503, never 401, and accept no token.
 */
export class RevocationListUnavailable extends Error {
  readonly retryAfterSeconds: number
  constructor(reason: string, retryAfterSeconds = 1, options?: ErrorOptions) {
    super(reason, options)
    this.name = 'RevocationListUnavailable'
    this.retryAfterSeconds = retryAfterSeconds
  }
}

export type RevocationListState = {
  /**
   * The list was loaded and is not older than its maximum staleness. For a list that queries for each check: its last
   * query did not fail.
   */
  readonly usable: boolean
  /** Milliseconds since the last update or query. Null before the first. */
  readonly ageMilliseconds: number | null
  /** Rules held in memory. Null for a list that queries for each check. */
  readonly rules: number | null
  readonly reason?: string
}

/**
 * Verifiers ask it on every call, even for a cached token.
 *
 * `namesOf` is called once per token, and the names are cached with its claims. `isRevoked` answers for this moment,
 * and callers never cache its answer. Both answer without a promise where they can. `isRevoked` throws, or rejects
 * with, `RevocationListUnavailable` when the list is not fresh enough.
 *
 * Does not check that the names given to `isRevoked` come from this list's `namesOf`. With other names it finds no
 * rules, and answers that the token is not revoked.
 */
export type RevocationList = {
  namesOf(token: RevocableToken): readonly string[] | Promise<readonly string[]>
  isRevoked(token: RevocableToken, names: readonly string[]): boolean | Promise<boolean>
  /**
   * Resolves when the list can answer for the first time. Rejects with `RevocationListUnavailable` after the timeout.
   */
  ready(timeoutMilliseconds?: number): Promise<void>
  state(): RevocationListState
  close(): Promise<void>
}
