/** What a verified access token says (RFC 9068 §2.2 and the service's own claims). Frozen: the same object answers later calls too. */
export type AccessToken = {
  /** `jti`. */
  readonly id: string
  readonly issuer: string
  /** `sub`: the API key's id, unless the key names a subject. */
  readonly subject: string
  /** `client_id`: the id of the API key that was exchanged. */
  readonly clientId: string
  readonly keyVersion: number
  readonly organizationId: string
  readonly environment: 'live' | 'test'
  readonly audience: readonly string[]
  readonly scopes: ReadonlySet<string>
  readonly roles: ReadonlySet<string>
  /** Seconds since 1970, whole. */
  readonly issuedAt: number
  readonly expiresAt: number
  /** `kid` of the signing key. */
  readonly keyId: string
  /** The whole payload, frozen to its depth. */
  readonly claims: Readonly<Record<string, unknown>>
}

/** A set that cannot be changed once it is made: a verified token is shared by all requests that carry it. */
export function immutableSet(values: Iterable<string>): ReadonlySet<string> {
  return Object.freeze(new ImmutableSet(values))
}

class ImmutableSet extends Set<string> {
  // The constructor of Set adds through this method, before the object is frozen.
  override add(value: string): this {
    if (Object.isFrozen(this)) throw new TypeError('a verified token cannot be changed')
    return super.add(value)
  }
  override delete(): never {
    throw new TypeError('a verified token cannot be changed')
  }
  override clear(): never {
    throw new TypeError('a verified token cannot be changed')
  }
}
