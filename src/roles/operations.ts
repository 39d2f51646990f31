import { about } from '../access/about.ts'
import { authorize, organizationFor, permissionsHeld } from '../access/authorize.ts'
import { type Attempt, type ChangeServices, change, type Lock } from '../access/change.ts'
import { checkPermissions, checkRoleName, readPermissions } from '../access/custom-role.ts'
import { requireFiltered } from '../access/filter-queries.ts'
import { organizationLockFor } from '../access/locks.ts'
import { coversPermissions, isRole, permissionsOf, type Role, roles } from '../access/permissions.ts'
import type { Principal } from '../access/principal.ts'
import type { Db } from '../db/database.ts'
import { taken, unlessTaken } from '../db/taken.ts'
import { ServiceError } from '../errors.ts'
import { countMembersWith } from '../members/queries.ts'
import type { Services } from '../services.ts'
import {
  type CustomRole,
  deleteCustomRoleRow,
  findCustomRole,
  insertCustomRole,
  selectCustomRoles,
  updateCustomRoleRow,
} from './queries.ts'

/** A role as the admin API shows it. */
export type RoleView = {
  name: string
  builtIn: boolean
  /** `permission:reach` each, in alphabetical order. */
  permissions: string[]
  /** Null for a built-in role. */
  organizationId: string | null
  /** RFC 3339; null for a built-in role. */
  createdAt: string | null
  revision: number
}

/** The role's organization; absent = the caller's own. */
type RoleIn = { readonly organizationId?: string | undefined }

/** A sanity limit: no organization should need more roles than this. */
const mostRoles = 100

/**
 * Creates a custom role of an organization from permissions that the caller holds. Throws `permission_denied` for other
 * permissions, `invalid_request` for a text that is not a permission within an organization, `conflict` for a name that
 * is taken, also by a built-in role, and `not_found` for an organization that does not exist or is out of reach.
 */
export async function createRole(
  services: ChangeServices,
  actor: Principal,
  input: RoleIn & { readonly name: string; readonly permissions: readonly string[] },
): Promise<RoleView> {
  const lock = organizationLockFor(input.organizationId)
  return await change(services, actor, 'roles.change', lock, async (tx, { id: organizationId }, now) => {
    if (isRole(input.name)) throw taken('name')
    const name = checkRoleName(input.name)
    const permissions = checkPermissions(input.permissions)
    refuseUnheld(actor, permissions)
    if ((await selectCustomRoles(tx, organizationId)).length >= mostRoles) {
      throw new ServiceError('conflict', {
        detail: `An organization has at most ${mostRoles} custom roles. Delete one that is not needed.`,
      })
    }
    const role = await unlessTaken(() => insertCustomRole(tx, { organizationId, name, permissions, createdAt: now }))
    return { view: customRoleView(role), event: { type: 'role.created', subject: name, context: { permissions } } }
  })
}

/** Built-in roles first, then the organization's custom roles by name. */
export async function listRoles(
  { db }: Pick<Services, 'db'>,
  actor: Principal,
  where: RoleIn = {},
): Promise<RoleView[]> {
  const organizationId = await readableOrganization(db, actor, where)
  return [...roles.map(builtInRoleView), ...(await selectCustomRoles(db, organizationId)).map(customRoleView)]
}

export async function showRole(
  { db }: Pick<Services, 'db'>,
  actor: Principal,
  name: string,
  where: RoleIn = {},
): Promise<RoleView> {
  const organizationId = await readableOrganization(db, actor, where)
  if (isRole(name)) return builtInRoleView(name)
  const role = await findCustomRole(db, { organizationId, name })
  if (!role) throw new ServiceError('not_found')
  return customRoleView(role)
}

/**
 * Replaces a role's permissions. They apply to its holders from their next request on. Throws `permission_denied` when
 * the role permits, or permitted, more than the caller may do, `conflict` for a built-in role, `precondition_failed`
 * for an outdated revision.
 */
export async function updateRole(
  services: ChangeServices,
  actor: Principal,
  name: string,
  input: RoleIn & { readonly permissions: readonly string[] },
): Promise<RoleView> {
  return await change(
    services,
    actor,
    'roles.change',
    customRoleLock(name, input),
    async (tx, { organizationId, permissions: former }) => {
      const permissions = checkPermissions(input.permissions)
      refuseUnheld(actor, permissions)
      const updated = await updateCustomRoleRow(tx, { organizationId, name }, permissions)
      return { view: customRoleView(updated), event: { type: 'role.updated', context: { permissions, former } } }
    },
  )
}

/** Throws `conflict` for a built-in role, and while a member holds the role. */
export async function deleteRole(
  services: ChangeServices,
  actor: Principal,
  name: string,
  where: RoleIn = {},
): Promise<void> {
  await change(services, actor, 'roles.change', customRoleLock(name, where), async (tx, role) => {
    const { organizationId, permissions } = role
    const members = await countMembersWith(tx, { organizationId, role: name })
    if (members > 0) {
      throw new ServiceError('conflict', {
        detail: `${members} ${members === 1 ? 'member holds' : 'members hold'} the role. Remove it from all members first.`,
      })
    }
    await deleteCustomRoleRow(tx, { organizationId, name })
    return { view: undefined, event: { type: 'role.deleted', context: { permissions } } }
  })
}

/** The organization whose roles the caller reads. Throws `not_found`. */
async function readableOrganization(db: Db, actor: Principal, { organizationId: asked }: RoleIn): Promise<string> {
  const within = authorize(actor, 'roles.read')
  const organizationId = organizationFor(actor, within, asked)
  await requireFiltered(db, within, { organizationId })
  return organizationId
}

/** Locks the whole organization, because granting a role takes that lock too. */
function customRoleLock(name: string, { organizationId: asked }: RoleIn): Lock<CustomRole> {
  return async (attempt, work) =>
    await organizationLockFor(asked)(attempt, async ({ thing: { id: organizationId } }) => {
      const find = async () => await findChangeable(attempt, { organizationId, name })
      const role = await about(() => ({ organizationId, subject: null }), find)
      return await work({ thing: role, organizationId, subject: name, revision: role.revision })
    })
}

async function findChangeable(
  { tx, actor }: Attempt,
  where: { organizationId: string; name: string },
): Promise<CustomRole> {
  if (isRole(where.name))
    throw new ServiceError('conflict', { detail: 'A built-in role cannot be changed. Create a custom role.' })
  const role = await findCustomRole(tx, where)
  if (!role) throw new ServiceError('not_found')
  refuseUnheld(actor, role.permissions)
  return role
}

function refuseUnheld(actor: Principal, permissions: readonly string[]): void {
  if (coversPermissions(permissionsHeld(actor), readPermissions(permissions))) return
  throw new ServiceError('permission_denied', {
    detail: 'A role can only contain permissions that you hold, with at least the same reach.',
    reason: 'the role permits more than its maker may do',
  })
}

function builtInRoleView(name: Role): RoleView {
  const permissions = Object.entries(permissionsOf[name]).map(([permission, reach]) => `${permission}:${reach}`)
  return { name, builtIn: true, permissions: permissions.sort(), organizationId: null, createdAt: null, revision: 1 }
}

function customRoleView({ createdAt, ...role }: CustomRole): RoleView {
  return { ...role, builtIn: false, createdAt: createdAt.toISOString() }
}
