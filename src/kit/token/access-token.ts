/**
 * The content of a verified access token (RFC 9068 §2.2 and the service's custom claims). Frozen, because later calls
 * return the same object.
 */
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
  /** The whole payload, deeply frozen. */
  readonly claims: Readonly<Record<string, unknown>>
}

/** A set that cannot be changed after creation: all requests with the same token share it. */
export function immutableSet(values: Iterable<string>): ReadonlySet<string> {
  return Object.freeze(new ImmutableSet(values))
}

class ImmutableSet extends Set<string> {
  // The Set constructor calls this method, before the object is frozen.
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
