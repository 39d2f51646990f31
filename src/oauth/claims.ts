/** The content of an access token. */
export type AccessTokenFacts = {
  readonly tokenId: string
  readonly issuer: string
  readonly audiences: readonly string[]
  readonly clientId: string
  readonly keyVersion: number
  readonly organizationId: string
  readonly environment: 'live' | 'test'
  /** Null = the client itself. */
  readonly subject: string | null
  readonly scopes: readonly string[]
  /** Empty except in tokens for the admin API. */
  readonly roles: readonly string[]
  /** The key's custom claims. Their names are not reserved. */
  readonly customClaims?: Readonly<Record<string, unknown>> | null
  /** Seconds since 1970, whole. */
  readonly issuedAt: number
  readonly expiresAt: number
}

/** The claims of RFC 9068 §2.2 and of this service. `undefined` members are not written. */
type AccessTokenClaims = {
  iss: string
  sub: string
  aud: string | readonly string[]
  client_id: string
  iat: number
  exp: number
  jti: string
  scope: string | undefined
  org_id: string
  env: 'live' | 'test'
  key_version: number
  roles: readonly string[] | undefined
}

/**
 * One audience is a string, several are an array (RFC 7519 §4.1.3). `scope` is absent when none was granted (RFC 9068
 * §2.2.3).
 */
export function accessTokenClaims(facts: AccessTokenFacts): AccessTokenClaims {
  const [audience, ...further] = facts.audiences
  return {
    // First, so that a custom claim cannot replace one of the service's claims.
    ...facts.customClaims,
    iss: facts.issuer,
    sub: facts.subject ?? facts.clientId,
    aud: audience !== undefined && further.length === 0 ? audience : facts.audiences,
    client_id: facts.clientId,
    iat: facts.issuedAt,
    exp: facts.expiresAt,
    jti: facts.tokenId,
    scope: facts.scopes.length === 0 ? undefined : facts.scopes.join(' '),
    org_id: facts.organizationId,
    env: facts.environment,
    key_version: facts.keyVersion,
    roles: facts.roles.length === 0 ? undefined : facts.roles,
  }
}

/**
 * Times by which a token must expire; null = no limit. Milliseconds are cut off, so that a token never outlives its
 * key.
 */
type Ends = readonly (Date | null)[]

/**
 * `iat` and `exp` in whole seconds. The lifetime is the default, or the requested one up to the maximum. It never
 * exceeds the end of the key, the end of its version, or a scheduled revocation. `expiresInSeconds` is what is left of
 * it on arrival, in whole seconds. If it is 0, the key ends within a second: issue no token. A token that was requested
 * for one second has 1, also in the middle of a second.
 */
export function tokenLifetime(
  receivedAt: Date,
  requestedSeconds: number | undefined,
  limits: { defaultSeconds: number; maximumSeconds: number; ends: Ends },
): { issuedAt: number; expiresAt: number; expiresInSeconds: number } {
  const issuedAt = Math.floor(receivedAt.getTime() / 1000)
  const nextSecond = Math.ceil(receivedAt.getTime() / 1000)
  let latest = Number.POSITIVE_INFINITY
  for (const end of limits.ends) {
    if (end) latest = Math.min(latest, Math.floor(end.getTime() / 1000))
  }
  const lifetime = Math.min(requestedSeconds ?? limits.defaultSeconds, limits.maximumSeconds)
  const expiresAt = Math.min(issuedAt + lifetime, latest)
  return { issuedAt, expiresAt, expiresInSeconds: latest <= nextSecond ? 0 : Math.max(1, expiresAt - nextSecond) }
}
