import type { Permissions } from './permissions.ts'

/** Where a request came from, for the audit trail. */
export type RequestOrigin = {
  readonly requestId: string | null
  readonly address: string | null
  readonly agent: string | null
  /** When the request arrived: how long an action took is counted from here. */
  readonly receivedAt?: Date
}

/** Who the admin caller is. Loaded afresh from the database for each request, never from a token's claims. */
export type Principal = {
  /** Client id of the API key, or `system` for the service's own console (bootstrap, maintenance). */
  readonly clientId: string
  /** Version of the API key whose secret the caller showed; absent for a token and for `system`. */
  readonly apiKeyVersion?: number
  /** Null only for `system`. */
  readonly organizationId: string | null
  /** The service account that the key belongs to; what the account owns is the caller's own. */
  readonly serviceAccountId?: string | null
  /** Names of built-in roles and of custom ones of the organization. */
  readonly roles: ReadonlySet<string>
  /** What those of `roles` permit that are custom; absent = none of them is. */
  readonly customRoles?: CustomRoles
  /** Scopes and audiences that the caller holds: nobody grants what they do not hold. */
  readonly scopes: ReadonlySet<string>
  readonly audiences: ReadonlySet<string>
  readonly origin: RequestOrigin
}

/** Name of a role of an organization's own making → what it permits. */
export type CustomRoles = ReadonlyMap<string, Permissions>

export const systemPrincipal: Principal = {
  clientId: 'system',
  organizationId: null,
  roles: new Set(['root']),
  scopes: new Set(),
  audiences: new Set(),
  origin: { requestId: null, address: null, agent: null },
}
