import { authorize, authorizeGrant, organizationFor, type Within } from '../access/authorize.ts'
import { keepLastHolders } from '../access/last-holders.ts'
import type { Principal } from '../access/principal.ts'
import { customRolesOf, lockOrganization } from '../access/queries.ts'
import { appendAuditEvent } from '../audit/queries.ts'
import { newId } from '../crypto/random.ts'
import type { Db } from '../db/database.ts'
import { type Page, type PageRequest, pageOf } from '../db/page.ts'
import { unlessTaken } from '../db/taken.ts'
import { ServiceError } from '../errors.ts'
import type { Services } from '../services.ts'
import {
  deleteServiceAccountRow,
  findServiceAccount,
  insertServiceAccount,
  lockServiceAccount,
  type ServiceAccount,
  type ServiceAccountChanges,
  type ServiceAccountFilter,
  selectLiveKeyIds,
  selectServiceAccounts,
  uniqueMembers,
  unlinkRevokedKeys,
  updateServiceAccountRow,
} from './queries.ts'
import { type ServiceAccountView, serviceAccountView } from './view.ts'

type Changing = Pick<Services, 'db' | 'now'>

export type ServiceAccountInput = {
  readonly name: string
  readonly description?: string | undefined
  /** The most that its keys may hold. */
  readonly roles?: readonly string[] | undefined
  /** Absent = the caller's own organization. */
  readonly organizationId?: string | undefined
}

/**
 * A member of an organization that owns API keys. Throws `permission_denied` for roles that permit more than the caller may do, `conflict`
 * when another account of the organization has the name, `not_found` for an organization that is not there or not theirs.
 */
export async function createServiceAccount(
  { db, now }: Changing,
  actor: Principal,
  input: ServiceAccountInput,
): Promise<ServiceAccountView> {
  const within = authorize(actor, 'service_accounts.create')
  const organizationId = organizationFor(actor, within, input.organizationId)
  const { name, description = '' } = input
  const roles = [...new Set(input.roles)]
  const at = now()
  return await db.transaction(async (tx) => {
    if (!(await lockOrganization(tx, { id: organizationId, within }))) throw new ServiceError('not_found')
    await requireHeld(tx, actor, organizationId, roles)
    const row = { id: newId('svc'), organizationId, name, description, roles, createdAt: at, createdBy: actor.clientId }
    const account = await unlessTaken(uniqueMembers, () => insertServiceAccount(tx, row))
    const event = {
      type: 'service_account.created',
      actor,
      organizationId,
      subject: account.id,
      context: { name, roles },
    } as const
    await appendAuditEvent(tx, event, at)
    return serviceAccountView({ ...account, apiKeys: 0 })
  })
}

/** Newest first. A caller that reaches only its own sees the account that it belongs to, and those that it made. */
export async function listServiceAccounts(
  { db }: Pick<Services, 'db'>,
  actor: Principal,
  { limit, cursor, ...filter }: PageRequest & ServiceAccountFilter,
): Promise<Page<ServiceAccountView>> {
  const within = authorize(actor, 'service_accounts.read')
  const rows = await selectServiceAccounts(db, { within, filter, before: cursor, limit: limit + 1 })
  return pageOf(rows, limit, { view: serviceAccountView, cursor: (row) => row.id })
}

export async function showServiceAccount(
  { db }: Pick<Services, 'db'>,
  actor: Principal,
  id: string,
): Promise<ServiceAccountView> {
  const within = authorize(actor, 'service_accounts.read')
  const account = await findServiceAccount(db, { id, within })
  if (!account) throw new ServiceError('not_found')
  return serviceAccountView(account)
}

/** Absent = as it was. */
export type ServiceAccountUpdate = {
  readonly name?: string | undefined
  readonly description?: string | undefined
  readonly roles?: readonly string[] | undefined
}

/**
 * Roles that go are gone for its keys at once: a key holds no more than its account. Throws `permission_denied` for roles, former ones
 * included, that permit more than the caller may do, `conflict` for a name that is taken and when nobody could administer the organization
 * or the service afterwards, `precondition_failed` for another revision than the expected.
 */
export async function updateServiceAccount(
  { db, now }: Changing,
  actor: Principal,
  id: string,
  { name, description, roles }: ServiceAccountUpdate,
  expectedRevision?: number,
): Promise<ServiceAccountView> {
  const within = authorize(actor, 'service_accounts.update')
  if (roles) authorize(actor, 'members.assign_roles')
  const changes: ServiceAccountChanges = {
    ...(name === undefined ? {} : { name }),
    ...(description === undefined ? {} : { description }),
    ...(roles === undefined ? {} : { roles: [...new Set(roles)] }),
  }
  const changed = Object.keys(changes)
  if (changed.length === 0) throw new ServiceError('invalid_request', { detail: 'The body names nothing to change.' })
  const at = now()
  return await db.transaction(async (tx) => {
    return await changeAccount(
      tx,
      actor,
      { id, within, now: at, expectedRevision },
      async ({ organizationId, roles: former }) => {
        if (changes.roles) await requireHeld(tx, actor, organizationId, changes.roles)
        await unlessTaken(uniqueMembers, () => updateServiceAccountRow(tx, id, changes))
        const updated = await findServiceAccount(tx, { id, within })
        if (!updated) throw new Error('the service account is gone while it is locked')
        const about = { actor, organizationId, subject: id } as const
        if (changes.roles) {
          const context = { roles: changes.roles, former }
          await appendAuditEvent(tx, { ...about, type: 'member.roles_assigned', context }, at)
        }
        await appendAuditEvent(tx, { ...about, type: 'service_account.updated', context: { changed } }, at)
        return serviceAccountView(updated)
      },
    )
  })
}

/** Throws `conflict` while it owns keys that are not revoked; revoked ones no longer belong to anybody afterwards. */
export async function deleteServiceAccount({ db, now }: Changing, actor: Principal, id: string): Promise<void> {
  const within = authorize(actor, 'service_accounts.delete')
  const at = now()
  await db.transaction(async (tx) => {
    await changeAccount(tx, actor, { id, within, now: at }, async ({ organizationId, name }) => {
      const keys = (await selectLiveKeyIds(tx, id)).length
      if (keys > 0) {
        throw new ServiceError('conflict', {
          detail: `The service account owns ${keys} API ${keys === 1 ? 'key' : 'keys'}: revoke ${keys === 1 ? 'it' : 'them'} first.`,
        })
      }
      const unlinked = await unlinkRevokedKeys(tx, id)
      await deleteServiceAccountRow(tx, id)
      const event = {
        type: 'service_account.deleted',
        actor,
        organizationId,
        subject: id,
        context: { name, unlinked },
      } as const
      await appendAuditEvent(tx, event, at)
    })
  })
}

export type AccountChange = { id: string; within: Within; now: Date; expectedRevision?: number | undefined }

/**
 * Changes an account under lock, with its organization and whatever else takes rights away waiting. Throws `not_found`,
 * `precondition_failed`, `permission_denied` when the account holds roles that permit more than the caller may do, and `conflict` when
 * nobody could administer the organization or the service afterwards.
 */
export async function changeAccount<Result>(
  tx: Db,
  actor: Principal,
  { id, within, now, expectedRevision }: AccountChange,
  change: (account: ServiceAccount) => Promise<Result>,
): Promise<Result> {
  const found = await findServiceAccount(tx, { id, within })
  if (!found) throw new ServiceError('not_found')
  return await keepLastHolders(tx, { organizationId: found.organizationId, now }, async () => {
    const account = await lockServiceAccount(tx, { id, within })
    if (!account) throw new ServiceError('not_found')
    if (expectedRevision !== undefined && expectedRevision !== account.revision)
      throw new ServiceError('precondition_failed')
    await requireHeld(tx, actor, account.organizationId, account.roles)
    return await change(account)
  })
}

async function requireHeld(tx: Db, actor: Principal, organizationId: string, roles: readonly string[]): Promise<void> {
  authorizeGrant(actor, { scopes: [], audiences: [], roles }, await customRolesOf(tx, organizationId, roles))
}
