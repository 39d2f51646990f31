/** What a verifier saw when it fetched the JWK Set last. */
export type VerifierSighting = {
  /** Id of the API key that it authenticated with; empty = anonymous. */
  readonly clientId: string
  /** What it calls itself; empty when it does not. */
  readonly name: string
  readonly kids: readonly string[]
  readonly lastFetchedAt: Date
}

/** A verifier of ours comes every five minutes; one that has not for a day is switched off, or does without the service. */
export const verifierForgottenSeconds = 86_400
