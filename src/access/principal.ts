import type { RevocableToken } from '../kit/revocation/revocation-list.ts'
import type { Permissions } from './permissions.ts'
import type { ExpectedRevision } from './precondition.ts'

/** Where a request came from, for the audit trail. */
export type RequestOrigin = {
  readonly requestId: string | null
  readonly address: string | null
  readonly agent: string | null
  /** When the request arrived: how long an action took is counted from here. */
  readonly receivedAt?: Date
}

/** The caller of the admin API. Loaded from the database for each request, never taken from a token's claims. */
export type Principal = {
  /**
   * Client id of the API key, or `system` for the service itself (bootstrap, maintenance, commands on its database).
   */
  readonly clientId: string
  /** Version of the API key whose secret was sent; absent for a token and for `system`. */
  readonly apiKeyVersion?: number
  /** The access token that was sent, if it was one. Every change asks the database whether it is revoked. */
  readonly accessToken?: RevocableToken
  /** Null only for `system`. */
  readonly organizationId: string | null
  /** The service account that the key belongs to. The caller shares what the account owns. */
  readonly serviceAccountId?: string | null
  /** Names of built-in roles, and of custom roles of the organization. */
  readonly roles: ReadonlySet<string>
  /** What the custom roles among `roles` permit; absent = none of them is custom. */
  readonly customRoles?: CustomRoles
  /** Scopes and audiences that the caller holds: it can grant no others. */
  readonly scopes: ReadonlySet<string>
  readonly audiences: ReadonlySet<string>
  readonly origin: RequestOrigin
  /** The revision that the request's change is based on; absent = any. Every change compares it. */
  readonly expectedRevision?: ExpectedRevision | undefined
}

/** Name of an organization's custom role → what it permits. */
export type CustomRoles = ReadonlyMap<string, Permissions>

export const systemPrincipal: Principal = {
  clientId: 'system',
  organizationId: null,
  roles: new Set(['root']),
  scopes: new Set(),
  audiences: new Set(),
  origin: { requestId: null, address: null, agent: null },
}
