import { invalidRequest, ServiceError } from '../errors.ts'
import { hasScopes } from '../kit/token/held-scopes.ts'
import {
  coversPermissions,
  isRole,
  type Permission,
  type Permissions,
  permissions,
  permissionsOf,
  type Reach,
  widerReach,
} from './permissions.ts'
import type { CustomRoles, Principal } from './principal.ts'

/**
 * The organizations that the caller may touch, and whose things in them. Every query that reads or changes something of an organization
 * takes it and gives it to `organizationWithin`. Without `owner`: everything of the organization.
 */
export type Within = { readonly organizationId: string; readonly owner?: Owner } | 'everywhere'

/** Its own is what the key made, and what belongs to its service account. */
type Owner = { readonly clientId: string; readonly serviceAccountId: string | null }

/** The organization itself has no owner: who may touch only its own things in it is in it all the same. */
export function wholeOrganization(within: Within): Within {
  return within === 'everywhere' ? within : { organizationId: within.organizationId }
}

/**
 * Where the actor may use the permission: the widest reach that one of its roles gives. Throws `permission_denied` when none does.
 * Does not look at the thing itself: the query does, with the returned `Within`, so that what is not theirs looks like what is not there.
 */
export function authorize(actor: Principal, permission: Permission): Within {
  const { clientId, organizationId, serviceAccountId = null } = actor
  const reach = permissionsHeld(actor)[permission]
  if (reach === 'all') return 'everywhere'
  if (reach === undefined || organizationId === null)
    throw new ServiceError('permission_denied', { reason: permission })
  return reach === 'organization' ? { organizationId } : { organizationId, owner: { clientId, serviceAccountId } }
}

/** What the actor's roles permit together. */
export function permissionsHeld({
  roles,
  customRoles = new Map(),
}: Pick<Principal, 'roles' | 'customRoles'>): Permissions {
  const held: Partial<Record<Permission, Reach>> = {}
  for (const role of roles) {
    const permitted = isRole(role) ? permissionsOf[role] : customRoles.get(role)
    for (const permission of permissions) {
      const reach = permitted?.[permission]
      if (reach) held[permission] = widerReach(reach, held[permission])
    }
  }
  return held
}

/**
 * The organization that a new thing goes into: the one asked for, or the caller's own. Throws `not_found` for another one than
 * the caller may touch, as for one that does not exist (which the caller of this function has to check).
 */
export function organizationFor(actor: Principal, within: Within, asked: string | undefined): string {
  if (within === 'everywhere') {
    const organizationId = asked ?? actor.organizationId
    if (organizationId === null) throw invalidRequest('Say in which organization: organizationId is missing.')
    return organizationId
  }
  if (asked !== undefined && asked !== within.organizationId) throw new ServiceError('not_found')
  return within.organizationId
}

type Grant = {
  readonly scopes: readonly string[]
  readonly audiences: readonly string[]
  /** Built-in ones, and custom ones of the organization that the grant is in. */
  readonly roles: readonly string[]
}

/**
 * Nobody grants what they do not hold: scopes (a wildcard held grants narrower ones) and audiences of the grant must be the actor's own,
 * and everything that its roles permit must be permitted to the actor, at least as far. Root holds everything. Not for granting alone:
 * whoever gets at a secret (rotation) or widens a key must hold what the key holds already.
 *
 * Throws `permission_denied` naming the member, never its values, and `invalid_request` for a role that is neither built in nor among
 * `customRoles` (customRolesOf of access/queries.ts).
 */
export function authorizeGrant(actor: Principal, grant: Grant, customRoles: CustomRoles = new Map()): void {
  const granted = grant.roles.map((role) => definitionOf(role, customRoles))
  if (actor.roles.has('root')) return
  if (!hasScopes(actor.scopes, grant.scopes, 'all')) throw unheld('scopes')
  if (!grant.audiences.every((audience) => actor.audiences.has(audience))) throw unheld('audiences')
  const held = permissionsHeld(actor)
  if (!granted.every((definition) => coversPermissions(held, definition))) throw unheld('roles')
}

function definitionOf(role: string, customRoles: CustomRoles): Permissions {
  const definition = isRole(role) ? permissionsOf[role] : customRoles.get(role)
  if (!definition) throw invalidRequest('roles names one that is neither built in nor made in the organization.')
  return definition
}

function unheld(member: string): ServiceError {
  return new ServiceError('permission_denied', {
    detail: `The caller may grant only ${member} that it holds itself.`,
    reason: `grants ${member} it does not hold`,
  })
}

/** The ring is nobody's but the service's own: throws `permission_denied` for whoever may act within an organization only. */
export function requireServiceWide(actor: Principal, permission: Permission): void {
  if (authorize(actor, permission) !== 'everywhere') throw new ServiceError('permission_denied', { reason: permission })
}
