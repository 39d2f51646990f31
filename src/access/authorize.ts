import { ServiceError } from '../errors.ts'
import { type Permission, permissionsOf } from './permissions.ts'
import type { Principal, Role } from './principal.ts'

/** The organizations that the caller may touch. Every query that reads or changes something of an organization takes it. */
export type Within = { readonly organizationId: string } | 'everywhere'

/**
 * Where the actor may use the permission: the widest reach that one of its roles gives. Throws `permission_denied` when none does.
 * Does not look at the thing itself: the query does, with the returned `Within`, so that what is not theirs looks like what is not there.
 */
export function authorize(actor: Principal, permission: Permission): Within {
  let own = false
  for (const role of actor.roles) {
    const reach = permissionsOf[role][permission]
    if (reach === 'all') return 'everywhere'
    if (reach === 'own') own = true
  }
  if (!own || actor.organizationId === null) throw new ServiceError('permission_denied', { reason: permission })
  return { organizationId: actor.organizationId }
}

/**
 * The organization that a new thing goes into: the one asked for, or the caller's own. Throws `not_found` for another one than
 * the caller may touch, as for one that does not exist (which the caller of this function has to check).
 */
export function organizationFor(actor: Principal, within: Within, asked: string | undefined): string {
  if (within === 'everywhere') {
    const organizationId = asked ?? actor.organizationId
    if (organizationId === null)
      throw new ServiceError('invalid_request', { detail: 'Say in which organization: organizationId is missing.' })
    return organizationId
  }
  if (asked !== undefined && asked !== within.organizationId) throw new ServiceError('not_found')
  return within.organizationId
}

export type Grant = {
  readonly scopes: readonly string[]
  readonly audiences: readonly string[]
  readonly roles: readonly Role[]
}

/**
 * Nobody grants what they do not hold: scopes, audiences and roles of the grant must be the actor's own. Root holds everything.
 * Throws `permission_denied` naming the member, never its values.
 */
export function authorizeGrant(actor: Principal, grant: Grant): void {
  if (actor.roles.has('root')) return
  refuseUnheld('scopes', grant.scopes, actor.scopes)
  refuseUnheld('audiences', grant.audiences, actor.audiences)
  refuseUnheld('roles', grant.roles, actor.roles)
}

function refuseUnheld(member: string, granted: readonly string[], held: ReadonlySet<string>): void {
  if (granted.every((value) => held.has(value))) return
  throw new ServiceError('permission_denied', {
    detail: `The caller may grant only ${member} that it holds itself.`,
    reason: `grants ${member} it does not hold`,
  })
}
