import { isVerifierName, verifierNameHeader } from './verifier-name.ts'

export type VerifierIdentity = {
  /**
   * What the service calls this verifier when it shows who holds which signing key: 1 to 64 of `A-Z a-z 0-9 . _ -`, the first one a letter or
   * digit. Processes that do the same work share a name.
   */
  readonly name?: string | undefined
  /**
   * An API key of this application, which needs no scope: with it the verifier counts when the service decides whether a new signing key can
   * take over early. It travels with fetches of the JWK Set only, and only to the issuer's own origin.
   */
  readonly apiKey?: string | undefined
}

/**
 * Gives the headers for a fetch of the JWK Set from an address. The key goes to the origin of the issuer and nowhere else, so never with less
 * protection than the issuer has. Throws a TypeError, which does not repeat the key.
 */
export function identityHeaders(
  { name, apiKey }: VerifierIdentity,
  issuer: string,
): (url: string) => Record<string, string> {
  if (name !== undefined && (typeof name !== 'string' || !isVerifierName(name))) {
    throw new TypeError(
      'name must be 1 to 64 letters, digits, dots, underscores and hyphens, beginning with a letter or digit',
    )
  }
  if (apiKey !== undefined && (typeof apiKey !== 'string' || !/^[\x21-\x2b\x2d-\x7e]{1,256}$/.test(apiKey))) {
    throw new TypeError('apiKey must be an API key: 1 to 256 visible ASCII characters without a comma')
  }
  const { origin } = new URL(issuer)
  const named: Record<string, string> = name === undefined ? {} : { [verifierNameHeader]: name }
  // Past all caches: one on the way must not answer for the service, which would then not see this verifier.
  const authenticated: Record<string, string> = {
    ...named,
    Authorization: `Bearer ${apiKey}`,
    'Cache-Control': 'no-cache',
  }
  return (url) => (apiKey !== undefined && new URL(url).origin === origin ? authenticated : named)
}
