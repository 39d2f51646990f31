/** What a verifier got when it last fetched the JWK Set. */
export type VerifierSighting = {
  /** Id of the API key that it authenticated with; empty = anonymous. */
  readonly clientId: string
  /** The name it gives itself; empty if it gives none. */
  readonly name: string
  readonly kids: readonly string[]
  readonly lastFetchedAt: Date
}

/**
 * The kit's verifier fetches every five minutes. One that has not for a day is switched off or no longer uses the
 * service.
 */
export const verifierForgottenSeconds = 86_400
