import { isVerifierName, verifierNameHeader } from './verifier-name.ts'

export type VerifierIdentity = {
  /**
   * The name under which the service shows this verifier in its list of who holds which signing key. Processes that do
   * the same work share a name. 1 to 64 of `A-Z a-z 0-9 . _ -`, starting with a letter or digit.
   */
  readonly name?: string | undefined
  /**
   * An API key of this application. It needs no scope. With it, this verifier counts when the service decides whether a
   * new signing key can take over early. It is sent only when the JWK Set is fetched, and only to the issuer's origin.
   */
  readonly apiKey?: string | undefined
}

/**
 * Returns a function that gives the headers for fetching the JWK Set from a URL. The API key goes only to the issuer's
 * origin, so never with less protection than the issuer has. Throws a TypeError, whose text does not contain the key.
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
  // Bypass all caches: if a cache answered, the service would not see this verifier.
  const authenticated: Record<string, string> = {
    ...named,
    Authorization: `Bearer ${apiKey}`,
    'Cache-Control': 'no-cache',
  }
  return (url) => (apiKey !== undefined && new URL(url).origin === origin ? authenticated : named)
}
