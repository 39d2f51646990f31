import { invalidRequest, namedThingNotFound, ServiceError } from '../errors.ts'
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
 * The organizations that the caller may touch, and whose resources in them. Every query about something of an
 * organization passes it to `organizationWithin`. Without `owner`: everything of the organization.
 */
export type Within = { readonly organizationId: string; readonly owner?: Owner } | 'everywhere'

/** An owner is the key that created the resource, or the service account that it belongs to. */
type Owner = { readonly clientId: string; readonly serviceAccountId: string | null }

/** The organization itself has no owner: a caller who may touch only its own resources still belongs to it. */
export function wholeOrganization(within: Within): Within {
  return within === 'everywhere' ? within : { organizationId: within.organizationId }
}

/**
 * Where the actor may use the permission: the widest reach that one of its roles gives. Throws `permission_denied` when
 * none does. Does not look at the resource: the query does that with the returned `Within`, so that a resource out of
 * reach looks like a missing one.
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
 * The organization that a new resource goes into: the requested one, or the caller's own. Throws `not_found` for one
 * that the caller may not touch. Does not check that it exists: the caller of this function does, and throws the same
 * error.
 */
export function organizationFor(actor: Principal, within: Within, asked: string | undefined): string {
  if (within === 'everywhere') {
    const organizationId = asked ?? actor.organizationId
    if (organizationId === null) throw invalidRequest('organizationId is missing. Say which organization.')
    return organizationId
  }
  if (asked !== undefined && asked !== within.organizationId) throw namedThingNotFound('organizationId')
  return within.organizationId
}

type Grant = {
  readonly scopes: readonly string[]
  readonly audiences: readonly string[]
  /** Built-in roles, and custom ones of the grant's organization. */
  readonly roles: readonly string[]
}

/**
 * Nobody grants what they do not hold. Scopes and audiences of the grant must be among the actor's (a wildcard covers
 * narrower scopes), and the actor must have every permission that the roles give, at least as far. Root holds
 * everything. Use it not only for grants: a caller who gets a secret (rotation) or widens a key must hold what the key
 * already holds.
 *
 * Throws `permission_denied` naming the member, never its values, and `invalid_request` for a role that is neither
 * built in nor among `customRoles` (`customRolesOf` in access/queries.ts).
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
  if (!definition)
    throw invalidRequest('roles holds an unknown role. Use a built-in role or a custom role of the organization.')
  return definition
}

function unheld(member: string): ServiceError {
  return new ServiceError('permission_denied', {
    detail: `The caller may grant only ${member} that it holds itself.`,
    reason: `grants ${member} it does not hold`,
  })
}

/**
 * The key ring belongs to the service: throws `permission_denied` for a caller who may act only within an organization.
 */
export function requireServiceWide(actor: Principal, permission: Permission): void {
  if (authorize(actor, permission) !== 'everywhere') throw new ServiceError('permission_denied', { reason: permission })
}
