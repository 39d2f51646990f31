import { feedType } from '../kit/revocation/feed-document.ts'
import { clientCredentialsGrant, tokenExchangeGrant } from './token-request.ts'

/** Names of the document under `/.well-known/`: that of RFC 8414 §3, and that of OpenID Connect Discovery 1.0 §4. */
export const metadataNames = ['oauth-authorization-server', 'openid-configuration'] as const

/**
 * The members of RFC 8414 §2 and of this service, and those that OpenID Connect Discovery 1.0 §3 requires. Every URL in
 * it is served. Many clients refuse a document without `authorization_endpoint`, although this service has no grant
 * that uses it: the endpoint answers every request with `unauthorized_client`.
 */
export function authorizationServerMetadata(options: {
  issuer: string
  /** The maximum age of a verifier's revocation list. */
  revocationLatencySeconds: number
  /** JWS algorithms that may sign a token. */
  algorithms: readonly string[]
  /** No token lives longer. */
  maxTokenLifetimeSeconds: number
}) {
  const { issuer } = options
  const base = issuer.replace(/\/$/, '')
  const authenticationMethods = ['client_secret_basic', 'client_secret_post']
  return {
    issuer,
    authorization_endpoint: `${base}/authorize`,
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
    // There are no ID tokens. Libraries take this list for the algorithms of every token that they verify.
    id_token_signing_alg_values_supported: options.algorithms,
    subject_types_supported: ['public'],
    revocations_uri: `${base}/revocations`,
    revocations_format: feedType,
    revocation_latency_seconds: options.revocationLatencySeconds,
    max_token_lifetime_seconds: options.maxTokenLifetimeSeconds,
    record_keys_uri: `${base}/.well-known/record-keys.json`,
  }
}

/** RFC 8414 §3: the well-known path goes between the host and the path of the issuer. */
export function metadataPath(
  issuer: string,
  name: (typeof metadataNames)[number] = 'oauth-authorization-server',
): string {
  const wellKnown = `/.well-known/${name}`
  const { pathname } = new URL(issuer)
  return pathname === '/' ? wellKnown : wellKnown + pathname.replace(/\/$/, '')
}
