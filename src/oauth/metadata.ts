import { clientCredentialsGrant, tokenExchangeGrant } from './token-request.ts'

const wellKnown = '/.well-known/oauth-authorization-server'

/** The members of RFC 8414 §2 and of this service. Every URL in it is served. */
export function authorizationServerMetadata(options: {
  issuer: string
  /** The maximum age of a verifier's revocation list. */
  revocationLatencySeconds: number
}) {
  const { issuer } = options
  const base = issuer.replace(/\/$/, '')
  const authenticationMethods = ['client_secret_basic', 'client_secret_post']
  return {
    issuer,
    token_endpoint: `${base}/token`,
    jwks_uri: `${base}/.well-known/jwks.json`,
    revocation_endpoint: `${base}/revoke`,
    introspection_endpoint: `${base}/introspect`,
    // Required by §2, although §3.2 says to omit empty arrays. Clients accept it.
    response_types_supported: [],
    grant_types_supported: [clientCredentialsGrant, tokenExchangeGrant],
    token_endpoint_auth_methods_supported: authenticationMethods,
    revocation_endpoint_auth_methods_supported: authenticationMethods,
    introspection_endpoint_auth_methods_supported: authenticationMethods,
    revocations_uri: `${base}/revocations`,
    revocation_latency_seconds: options.revocationLatencySeconds,
    record_keys_uri: `${base}/.well-known/record-keys.json`,
  }
}

/** RFC 8414 §3: the well-known path goes between the host and the path of the issuer. */
export function metadataPath(issuer: string): string {
  const { pathname } = new URL(issuer)
  return pathname === '/' ? wellKnown : wellKnown + pathname.replace(/\/$/, '')
}
