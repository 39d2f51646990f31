import { authorize, authorizeGrant } from '../access/authorize.ts'
import { keepLastHolders } from '../access/last-holders.ts'
import { isRole, mustExpire } from '../access/permissions.ts'
import type { Principal } from '../access/principal.ts'
import { customRolesOf } from '../access/queries.ts'
import { appendAuditEvent } from '../audit/queries.ts'
import type { Db } from '../db/database.ts'
import { type Page, type PageRequest, pageOf } from '../db/page.ts'
import { ServiceError } from '../errors.ts'
import type { Services } from '../services.ts'
import { findMember, type MemberRow, selectMembers, updateMemberRoles } from './queries.ts'

/** Whoever holds roles in an organization: a service account, or an API key that is not revoked. Instants are RFC 3339 texts. */
export type MemberView = {
  id: string
  kind: 'service_account' | 'api_key'
  organizationId: string
  name: string
  roles: string[]
  serviceAccountId: string | null
  expiresAt: string | null
  disabledAt: string | null
  createdAt: string
  revision: number
}

/** Service accounts, then API keys that hold roles, newest first each. */
export async function listMembers(
  { db }: Pick<Services, 'db'>,
  actor: Principal,
  { limit, cursor, organizationId }: PageRequest & { readonly organizationId?: string | undefined },
): Promise<Page<MemberView>> {
  const within = authorize(actor, 'members.read')
  const rows = await selectMembers(db, { within, organizationId, before: cursor, limit: limit + 1 })
  return pageOf(rows, limit, { view: memberView, cursor: (row) => row.id })
}

export async function showMember({ db }: Pick<Services, 'db'>, actor: Principal, id: string): Promise<MemberView> {
  const within = authorize(actor, 'members.read')
  const member = await findMember(db, { id, within })
  if (!member) throw new ServiceError('not_found')
  return memberView(member)
}

/**
 * Gives a member these roles in place of the former ones, from its next request on. Nobody grants, or takes from somebody, what they do not
 * hold: `permission_denied`. Throws `invalid_request` for a role that there is not, for a test key, for a key that must expire and does not,
 * and for a key whose service account does not hold the role; `conflict` when nobody could administer the organization or the service
 * afterwards; `precondition_failed` for another revision than the expected.
 */
export async function assignRoles(
  { db, now }: Pick<Services, 'db' | 'now'>,
  actor: Principal,
  id: string,
  asked: readonly string[],
  expectedRevision?: number,
): Promise<MemberView> {
  const within = authorize(actor, 'members.assign_roles')
  const roles = [...new Set(asked)]
  const at = now()
  return await db.transaction(async (tx) => {
    const found = await findMember(tx, { id, within })
    if (!found) throw new ServiceError('not_found')
    return await keepLastHolders(tx, { organizationId: found.organizationId, now: at }, async () => {
      const member = await findMember(tx, { id, within }) // as it is now that its organization is locked
      if (!member) throw new ServiceError('not_found')
      if (expectedRevision !== undefined && expectedRevision !== member.revision)
        throw new ServiceError('precondition_failed')
      await requireAssignable(tx, actor, member, roles)
      await updateMemberRoles(tx, member, roles)
      const context = { roles, former: member.roles }
      const { organizationId } = member
      await appendAuditEvent(tx, { type: 'member.roles_assigned', actor, organizationId, subject: id, context }, at)
      return memberView({ ...member, roles, revision: member.revision + 1 })
    })
  })
}

async function requireAssignable(tx: Db, actor: Principal, member: MemberRow, roles: readonly string[]): Promise<void> {
  const either = [...new Set([...roles, ...member.roles])]
  const customRoles = await customRolesOf(tx, member.organizationId, either)
  const known = either.filter((role) => roles.includes(role) || isRole(role) || customRoles.has(role)) // what nobody knows can always go
  authorizeGrant(actor, { scopes: [], audiences: [], roles: known }, customRoles)
  if (member.kind === 'service_account' || roles.length === 0) return
  if (member.environment === 'test') throw refused('A test key cannot hold roles: roles reach live things.')
  if (mustExpire(roles) && member.expiresAt === null)
    throw refused('A key with the role ci_service must expire: give it an expiresAt first.')
  if (member.serviceAccountId === null) return
  const account = await findMember(tx, { id: member.serviceAccountId, within: 'everywhere' })
  if (!roles.every((role) => account?.roles.includes(role)))
    throw refused('roles names one that the service account does not hold.')
}

function refused(detail: string): ServiceError {
  return new ServiceError('invalid_request', { detail })
}

function memberView({ environment: _, expiresAt, disabledAt, createdAt, ...shown }: MemberRow): MemberView {
  return {
    ...shown,
    expiresAt: expiresAt?.toISOString() ?? null,
    disabledAt: disabledAt?.toISOString() ?? null,
    createdAt: createdAt.toISOString(),
  }
}
