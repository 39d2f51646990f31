import { authorize, organizationFor, permissionsHeld } from '../access/authorize.ts'
import { checkPermissions, checkRoleName, readPermissions } from '../access/custom-role.ts'
import { coversPermissions, isRole, type Permission, permissionsOf, type Role, roles } from '../access/permissions.ts'
import type { Principal } from '../access/principal.ts'
import { lockOrganization } from '../access/queries.ts'
import { appendAuditEvent } from '../audit/queries.ts'
import type { Db } from '../db/database.ts'
import { taken, unlessTaken } from '../db/taken.ts'
import { ServiceError } from '../errors.ts'
import type { Services } from '../services.ts'
import {
  type CustomRole,
  countMembersWith,
  deleteCustomRoleRow,
  findCustomRole,
  insertCustomRole,
  selectCustomRoles,
  uniqueMembers,
  updateCustomRoleRow,
} from './queries.ts'

/** A role as the admin API shows it. */
export type RoleView = {
  name: string
  builtIn: boolean
  /** `permission:reach` each, by the alphabet. */
  permissions: string[]
  /** Null for a built-in one. */
  organizationId: string | null
  /** RFC 3339; null for a built-in one. */
  createdAt: string | null
  revision: number
}

type Changing = Pick<Services, 'db' | 'now'>

/** Which organization's role; absent = the caller's own. */
export type RoleIn = { readonly organizationId?: string | undefined }

/** An organization that defines more has something else in mind. */
const mostRoles = 100

/**
 * A role of an organization's own making, out of permissions that the caller holds. Throws `permission_denied` for others,
 * `invalid_request` for what is no permission within an organization, `conflict` for a name that is taken, by a built-in role too, `not_found`
 * for an organization that is not there or not theirs.
 */
export async function createRole(
  { db, now }: Changing,
  actor: Principal,
  input: RoleIn & { readonly name: string; readonly permissions: readonly string[] },
): Promise<RoleView> {
  if (isRole(input.name)) throw taken('name')
  const name = checkRoleName(input.name)
  const permissions = checkPermissions(input.permissions)
  const at = now()
  return await db.transaction(async (tx) => {
    const organizationId = await lockedOrganization(tx, actor, input)
    refuseUnheld(actor, permissions)
    if ((await selectCustomRoles(tx, organizationId)).length >= mostRoles) {
      throw new ServiceError('conflict', { detail: `An organization has ${mostRoles} roles of its own at most.` })
    }
    const role = await unlessTaken(uniqueMembers, () =>
      insertCustomRole(tx, { organizationId, name, permissions, createdAt: at }),
    )
    await appendAuditEvent(
      tx,
      { type: 'role.created', actor, organizationId, subject: name, context: { permissions } },
      at,
    )
    return customRoleView(role)
  })
}

/** The built-in ones, then the organization's own by name. */
export async function listRoles(
  { db }: Pick<Services, 'db'>,
  actor: Principal,
  where: RoleIn = {},
): Promise<RoleView[]> {
  const organizationId = organizationFor(actor, authorize(actor, 'roles.read'), where.organizationId)
  return [...roles.map(builtInRoleView), ...(await selectCustomRoles(db, organizationId)).map(customRoleView)]
}

export async function showRole(
  { db }: Pick<Services, 'db'>,
  actor: Principal,
  name: string,
  where: RoleIn = {},
): Promise<RoleView> {
  const organizationId = organizationFor(actor, authorize(actor, 'roles.read'), where.organizationId)
  if (isRole(name)) return builtInRoleView(name)
  const role = await findCustomRole(db, { organizationId, name })
  if (!role) throw new ServiceError('not_found')
  return customRoleView(role)
}

/**
 * Whoever holds the role may do what it permits now, from the next request on. Throws `permission_denied` where it permits, or permitted,
 * more than the caller may do, `conflict` for a built-in role, `precondition_failed` for another revision than the expected.
 */
export async function updateRole(
  { db, now }: Changing,
  actor: Principal,
  name: string,
  input: RoleIn & { readonly permissions: readonly string[] },
  expectedRevision?: number,
): Promise<RoleView> {
  const permissions = checkPermissions(input.permissions)
  const at = now()
  return await db.transaction(async (tx) => {
    const former = await lockedRole(tx, actor, name, input)
    if (expectedRevision !== undefined && expectedRevision !== former.revision)
      throw new ServiceError('precondition_failed')
    refuseUnheld(actor, permissions)
    const { organizationId } = former
    const updated = await updateCustomRoleRow(tx, { organizationId, name }, permissions)
    const context = { permissions, former: former.permissions }
    await appendAuditEvent(tx, { type: 'role.updated', actor, organizationId, subject: name, context }, at)
    return customRoleView(updated)
  })
}

/** Throws `conflict` while a member holds it, and for a built-in role. */
export async function deleteRole(
  { db, now }: Changing,
  actor: Principal,
  name: string,
  where: RoleIn = {},
): Promise<void> {
  const at = now()
  await db.transaction(async (tx) => {
    const { organizationId, permissions } = await lockedRole(tx, actor, name, where)
    const members = await countMembersWith(tx, { organizationId, name })
    if (members > 0) {
      throw new ServiceError('conflict', {
        detail: `${members} ${members === 1 ? 'member holds' : 'members hold'} the role: assign others first.`,
      })
    }
    await deleteCustomRoleRow(tx, { organizationId, name })
    await appendAuditEvent(
      tx,
      { type: 'role.deleted', actor, organizationId, subject: name, context: { permissions } },
      at,
    )
  })
}

/** Under the lock of its organization, which whoever grants a role takes as well. */
async function lockedRole(tx: Db, actor: Principal, name: string, where: RoleIn): Promise<CustomRole> {
  const organizationId = await lockedOrganization(tx, actor, where)
  if (isRole(name))
    throw new ServiceError('conflict', { detail: 'A built-in role stays as it is. Make one of your own.' })
  const role = await findCustomRole(tx, { organizationId, name })
  if (!role) throw new ServiceError('not_found')
  refuseUnheld(actor, role.permissions)
  return role
}

async function lockedOrganization(tx: Db, actor: Principal, { organizationId: asked }: RoleIn): Promise<string> {
  const within = authorize(actor, 'roles.change' satisfies Permission)
  const id = organizationFor(actor, within, asked)
  if (!(await lockOrganization(tx, { id, within }))) throw new ServiceError('not_found')
  return id
}

function refuseUnheld(actor: Principal, permissions: readonly string[]): void {
  if (coversPermissions(permissionsHeld(actor), readPermissions(permissions))) return
  throw new ServiceError('permission_denied', {
    detail: 'A role is made only of permissions that its maker holds, at least as far.',
    reason: 'role permits more than its maker',
  })
}

function builtInRoleView(name: Role): RoleView {
  const permissions = Object.entries(permissionsOf[name]).map(([permission, reach]) => `${permission}:${reach}`)
  return { name, builtIn: true, permissions: permissions.sort(), organizationId: null, createdAt: null, revision: 1 }
}

function customRoleView({ createdAt, ...role }: CustomRole): RoleView {
  return { ...role, builtIn: false, createdAt: createdAt.toISOString() }
}
