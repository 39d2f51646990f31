import { authorize } from '../access/authorize.ts'
import { type ChangeEvent, type ChangeServices, change } from '../access/change.ts'
import { requireFiltered } from '../access/filter-queries.ts'
import { organizationLockFor } from '../access/locks.ts'
import type { Principal } from '../access/principal.ts'
import { newId } from '../crypto/random.ts'
import { cursorsOf, idPositions } from '../db/cursors.ts'
import type { Db } from '../db/database.ts'
import { type Page, type PageRequest, pageOf } from '../db/page.ts'
import { taken, unlessTaken } from '../db/taken.ts'
import { invalidRequest, ServiceError } from '../errors.ts'
import type { Services } from '../services.ts'
import { accountLock, requireHeld } from './lock.ts'
import {
  findServiceAccount,
  hasSimilarName,
  insertServiceAccount,
  type ServiceAccountChanges,
  type ServiceAccountFilter,
  selectServiceAccounts,
  updateServiceAccountRow,
} from './queries.ts'
import { type ServiceAccountView, serviceAccountView } from './view.ts'

type ServiceAccountInput = {
  readonly name: string
  readonly description?: string | undefined
  /** Its keys may hold only these roles. */
  readonly roles?: readonly string[] | undefined
  /** Absent = the caller's own organization. */
  readonly organizationId?: string | undefined
}

/**
 * Creates an account that owns API keys. Throws `permission_denied` for roles that permit more than the caller may do,
 * `conflict` when another account of the organization has the name, regardless of case, `not_found` for an organization
 * that does not exist or is out of reach.
 */
export async function createServiceAccount(
  services: ChangeServices,
  actor: Principal,
  { name, description = '', ...input }: ServiceAccountInput,
): Promise<ServiceAccountView> {
  const roles = [...new Set(input.roles)]
  const lock = organizationLockFor(input.organizationId)
  return await change(services, actor, 'service_accounts.create', lock, async (tx, { id: organizationId }, now) => {
    await requireHeld(tx, actor, organizationId, roles)
    await requireFreeName(tx, { organizationId, name })
    const id = newId('svc')
    const row = { id, organizationId, name, description, roles, createdAt: now, createdBy: actor.clientId }
    const account = await unlessTaken(() => insertServiceAccount(tx, row))
    return {
      view: serviceAccountView({ ...account, apiKeys: 0 }),
      event: { type: 'service_account.created', subject: id, context: { name, roles } },
    }
  })
}

const cursors = cursorsOf('service-accounts', idPositions('svc'))

/** Newest first. A caller with the reach `own` sees the account that it belongs to and the accounts that it created. */
export async function listServiceAccounts(
  { db }: Pick<Services, 'db'>,
  actor: Principal,
  { limit, cursor, ...filter }: PageRequest & ServiceAccountFilter,
): Promise<Page<ServiceAccountView>> {
  const within = authorize(actor, 'service_accounts.read')
  await requireFiltered(db, within, filter)
  const rows = await selectServiceAccounts(db, { within, filter, before: cursors.read(cursor), limit: limit + 1 })
  return pageOf(rows, limit, { view: serviceAccountView, cursor: (row) => cursors.write(row.id) })
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

/** Absent members stay unchanged. */
type ServiceAccountUpdate = {
  readonly name?: string | undefined
  readonly description?: string | undefined
  readonly roles?: readonly string[] | undefined
}

/**
 * A role that is removed here stops counting for the account's keys at once. Throws `permission_denied` when the
 * previous or the new roles permit more than the caller may do, `conflict` for a name that is taken and when nobody
 * could administer the organization or the service afterwards, `precondition_failed` for an outdated revision.
 */
export async function updateServiceAccount(
  services: ChangeServices,
  actor: Principal,
  id: string,
  { name, description, roles }: ServiceAccountUpdate,
): Promise<ServiceAccountView> {
  const within = authorize(actor, 'service_accounts.update')
  if (roles) authorize(actor, 'members.assign_roles')
  const changes: ServiceAccountChanges = {
    ...(name === undefined ? {} : { name }),
    ...(description === undefined ? {} : { description }),
    ...(roles === undefined ? {} : { roles: [...new Set(roles)] }),
  }
  const changed = Object.keys(changes)
  if (changed.length === 0) throw invalidRequest('The body has nothing to change. Set at least one member.')
  return await change(
    services,
    actor,
    'service_accounts.update',
    accountLock(id),
    async (tx, { organizationId, roles: former }) => {
      if (changes.roles) await requireHeld(tx, actor, organizationId, changes.roles)
      if (name !== undefined) await requireFreeName(tx, { organizationId, name, except: id })
      await unlessTaken(() => updateServiceAccountRow(tx, id, changes))
      const updated = await findServiceAccount(tx, { id, within })
      if (!updated) throw new Error('the service account is gone while it is locked')
      const view = serviceAccountView(updated)
      const event: ChangeEvent = { type: 'service_account.updated', context: { changed } }
      if (!changes.roles) return { view, event }
      return { view, events: [{ type: 'member.roles_assigned', context: { roles: changes.roles, former } }, event] }
    },
  )
}

/**
 * Throws `conflict` for a name that another account has, in the same or other letters: people could not tell them
 * apart. The caller has locked the organization.
 */
async function requireFreeName(
  tx: Db,
  where: { organizationId: string; name: string; except?: string },
): Promise<void> {
  if (await hasSimilarName(tx, where)) throw taken('name')
}
