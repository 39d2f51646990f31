/** Where a request came from, for the audit trail. */
export type RequestOrigin = {
  readonly requestId: string | null
  readonly address: string | null
  readonly agent: string | null
  /** When the request arrived: how long an action took is counted from here. */
  readonly receivedAt?: Date
}

export type Role = 'root' | 'admin'

/** Who the admin caller is. Loaded afresh from the database for each request, never from a token's claims. */
export type Principal = {
  /** Client id of the API key, or `system` for the service's own console (bootstrap, maintenance). */
  readonly clientId: string
  /** Null only for `system`. */
  readonly organizationId: string | null
  readonly roles: ReadonlySet<Role>
  /** Scopes and audiences that the caller holds: nobody grants what they do not hold. */
  readonly scopes: ReadonlySet<string>
  readonly audiences: ReadonlySet<string>
  readonly origin: RequestOrigin
}

export const systemPrincipal: Principal = {
  clientId: 'system',
  organizationId: null,
  roles: new Set<Role>(['root']),
  scopes: new Set(),
  audiences: new Set(),
  origin: { requestId: null, address: null, agent: null },
}
