import { authorize, authorizeGrant } from '../access/authorize.ts'
import { type ChangeServices, change, type Lock } from '../access/change.ts'
import { requireFiltered } from '../access/filter-queries.ts'
import { keepingLastHolders } from '../access/locks.ts'
import { isRole, mustExpire } from '../access/permissions.ts'
import type { Principal } from '../access/principal.ts'
import { customRolesOf } from '../access/queries.ts'
import { cursorsOf, idPositions } from '../db/cursors.ts'
import type { Db } from '../db/database.ts'
import { type Page, type PageRequest, pageOf } from '../db/page.ts'
import { invalidRequest, ServiceError } from '../errors.ts'
import type { Services } from '../services.ts'
import { findMember, type MemberRow, selectMembers, updateMemberRoles } from './queries.ts'

/** A service account, or an API key that is not revoked: both can have roles. Times are RFC 3339 texts. */
export type MemberView = Omit<MemberRow, 'environment' | 'expiresAt' | 'disabledAt' | 'createdAt'> & {
  expiresAt: string | null
  disabledAt: string | null
  createdAt: string
}

const cursors = cursorsOf('members', idPositions('svc', 'key'))

/** Service accounts first, then API keys that hold roles, each newest first. */
export async function listMembers(
  { db }: Pick<Services, 'db'>,
  actor: Principal,
  { limit, cursor, organizationId }: PageRequest & { readonly organizationId?: string | undefined },
): Promise<Page<MemberView>> {
  const within = authorize(actor, 'members.read')
  await requireFiltered(db, within, { organizationId })
  const rows = await selectMembers(db, { within, organizationId, before: cursors.read(cursor), limit: limit + 1 })
  return pageOf(rows, limit, { view: memberView, cursor: (row) => cursors.write(row.id) })
}

export async function showMember({ db }: Pick<Services, 'db'>, actor: Principal, id: string): Promise<MemberView> {
  const within = authorize(actor, 'members.read')
  const member = await findMember(db, { id, within })
  if (!member) throw new ServiceError('not_found')
  return memberView(member)
}

/**
 * Replaces a member's roles. The new roles apply from its next request on. Throws `permission_denied` when the caller
 * grants or removes a role that it does not hold itself; `invalid_request` for an unknown role, a test key, a key that
 * must expire but does not, and a key whose service account does not hold the role; `conflict` when nobody could
 * administer the organization or the service afterwards; `precondition_failed` for an outdated revision.
 */
export async function assignRoles(
  services: ChangeServices,
  actor: Principal,
  id: string,
  asked: readonly string[],
): Promise<MemberView> {
  const roles = [...new Set(asked)]
  const lock = keepingLastHolders(({ tx, within }) => findMember(tx, { id, within }), memberLock(id))
  return await change(services, actor, 'members.assign_roles', lock, async (tx, member) => {
    await requireAssignable(tx, actor, member, roles)
    await updateMemberRoles(tx, member, roles)
    const view = memberView({ ...member, roles, revision: member.revision + 1 })
    return { view, event: { type: 'member.roles_assigned', context: { roles, former: member.roles } } }
  })
}

/** Reads the member again, now that its organization is locked. */
function memberLock(id: string): Lock<MemberRow> {
  return async ({ tx, within }, work) => {
    const member = await findMember(tx, { id, within })
    if (!member) throw new ServiceError('not_found')
    return await work({
      thing: member,
      organizationId: member.organizationId,
      subject: id,
      revision: member.revision,
    })
  }
}

async function requireAssignable(tx: Db, actor: Principal, member: MemberRow, roles: readonly string[]): Promise<void> {
  const either = [...new Set([...roles, ...member.roles])]
  const customRoles = await customRolesOf(tx, member.organizationId, either)
  const known = either.filter((role) => roles.includes(role) || isRole(role) || customRoles.has(role)) // what nobody knows can always go
  authorizeGrant(actor, { scopes: [], audiences: [], roles: known }, customRoles)
  if (member.kind === 'service_account' || roles.length === 0) return
  if (member.environment === 'test')
    throw invalidRequest('A test key cannot have roles, because roles act on live data.')
  if (mustExpire(roles) && member.expiresAt === null)
    throw invalidRequest('A key with the role ci_service must expire. Set its expiresAt first.')
  if (member.serviceAccountId === null) return
  const account = await findMember(tx, { id: member.serviceAccountId, within: 'everywhere' })
  if (!roles.every((role) => account?.roles.includes(role)))
    throw invalidRequest('roles holds a role that the service account does not have.')
}

function memberView({ environment: _, expiresAt, disabledAt, createdAt, ...shown }: MemberRow): MemberView {
  return {
    ...shown,
    expiresAt: expiresAt?.toISOString() ?? null,
    disabledAt: disabledAt?.toISOString() ?? null,
    createdAt: createdAt.toISOString(),
  }
}
