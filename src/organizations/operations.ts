import { authorize } from '../access/authorize.ts'
import { type ChangeServices, change } from '../access/change.ts'
import { noLock, organizationLock } from '../access/locks.ts'
import type { Principal } from '../access/principal.ts'
import { newId, randomBase62 } from '../crypto/random.ts'
import { cursorsOf, idPositions } from '../db/cursors.ts'
import type { Db } from '../db/database.ts'
import { type Page, type PageRequest, pageOf } from '../db/page.ts'
import { taken, unlessTaken } from '../db/taken.ts'
import { invalidRequest, ServiceError } from '../errors.ts'
import { isPlanWithin, lockPlan } from '../plans/queries.ts'
import type { Services } from '../services.ts'
import {
  findOrganization,
  insertOrganizationUnlessSlugTaken,
  limitsOfPlans,
  type NewOrganization,
  type Organization,
  type OrganizationChanges,
  type OrganizationFilter,
  selectOrganizations,
  updateOrganizationRow,
} from './queries.ts'
import { checkSlug, slugFrom } from './slug.ts'
import { type OrganizationView, organizationView } from './view.ts'

type OrganizationInput = {
  readonly name: string
  /** Absent = made from the name. */
  readonly slug?: string | undefined
  readonly email?: string | undefined
  readonly plan: string
  readonly maxKeyLifetimeSeconds?: number | undefined
}

/**
 * Throws `permission_denied` for everyone but root, `conflict` naming `slug` or `email` when another organization has
 * it, `invalid_request` for a malformed slug or an unknown plan. Names need not be unique.
 */
export async function createOrganization(
  services: ChangeServices,
  actor: Principal,
  { slug, email, ...input }: OrganizationInput,
): Promise<OrganizationView> {
  return await change(services, actor, 'organizations.create', noLock, async (tx, _, now) => {
    if (slug !== undefined) checkSlug(slug)
    await requirePlan(tx, input.plan)
    const row = { ...input, id: newId('org'), email: email?.toLowerCase() ?? null, createdAt: now }
    const organization = await unlessTaken(() => insertWithSlug(tx, row, slug))
    const { id, name, plan } = organization
    return {
      view: await shown(tx, organization),
      event: { type: 'organization.created', organizationId: id, subject: id, context: { name, plan } },
    }
  })
}

async function insertWithSlug(tx: Db, row: NewOrganization, chosen: string | undefined): Promise<Organization> {
  for (let attempt = 0; attempt < 8; attempt += 1) {
    const slug = chosen ?? slugFrom(row.name, attempt === 0 ? '' : randomBase62(5).toLowerCase())
    const inserted = await insertOrganizationUnlessSlugTaken(tx, { ...row, slug })
    if (inserted) return inserted
    if (chosen !== undefined) break
  }
  throw taken('slug')
}

const cursors = cursorsOf('organizations', idPositions('org'))

/**
 * Newest first. Callers other than root see only their own organization. Throws `invalid_request` for a filter on a
 * malformed slug or an unknown plan.
 */
export async function listOrganizations(
  { db }: Pick<Services, 'db'>,
  actor: Principal,
  { limit, cursor, ...filter }: PageRequest & OrganizationFilter,
): Promise<Page<OrganizationView>> {
  const within = authorize(actor, 'organizations.read')
  if (filter.slug !== undefined) checkSlug(filter.slug)
  if (filter.plan !== undefined && !(await isPlanWithin(db, within, filter.plan))) throw unknownPlan()
  const rows = await selectOrganizations(db, { within, filter, before: cursors.read(cursor), limit: limit + 1 })
  const limits = await limitsOfPlans(
    db,
    rows.map(({ plan }) => plan),
  )
  return pageOf(rows, limit, { view: (row) => organizationView(row, limits), cursor: (row) => cursors.write(row.id) })
}

export async function showOrganization(
  { db }: Pick<Services, 'db'>,
  actor: Principal,
  id: string,
): Promise<OrganizationView> {
  const within = authorize(actor, 'organizations.read')
  const organization = await findOrganization(db, { id, within })
  if (!organization) throw new ServiceError('not_found')
  return await shown(db, organization)
}

/** Absent members stay unchanged. `email: null` removes the address. */
type OrganizationUpdate = {
  readonly name?: string | undefined
  readonly slug?: string | undefined
  readonly email?: string | null | undefined
}

/**
 * Throws `conflict` naming `slug` or `email` when another organization has it, `precondition_failed` for an outdated
 * revision.
 */
export async function updateOrganization(
  services: ChangeServices,
  actor: Principal,
  id: string,
  { name, slug, email }: OrganizationUpdate,
): Promise<OrganizationView> {
  authorize(actor, 'organizations.update')
  const changes: OrganizationChanges = {
    ...(name === undefined ? {} : { name }),
    ...(slug === undefined ? {} : { slug: checkSlug(slug) }),
    ...(email === undefined ? {} : { email: email?.toLowerCase() ?? null }),
  }
  const changed = Object.keys(changes)
  if (changed.length === 0) throw invalidRequest('The body has nothing to change. Set at least one member.')
  return await change(services, actor, 'organizations.update', organizationLock(id), async (tx) => {
    // Records names only: nobody can delete an email address from the audit trail.
    return {
      view: await storeOrganization(tx, id, changes),
      event: { type: 'organization.updated', context: { changed } },
    }
  })
}

/** Changes a locked organization. */
export async function storeOrganization(tx: Db, id: string, changes: OrganizationChanges): Promise<OrganizationView> {
  return await shown(tx, await unlessTaken(() => updateOrganizationRow(tx, id, changes)))
}

async function shown(db: Db, organization: Organization): Promise<OrganizationView> {
  return organizationView(organization, await limitsOfPlans(db, [organization.plan]))
}

/** Throws `invalid_request` for an unknown plan. Otherwise the plan cannot be deleted until the transaction ends. */
export async function requirePlan(tx: Db, name: string): Promise<void> {
  if (await lockPlan(tx, name)) return
  throw unknownPlan()
}

function unknownPlan(): ServiceError {
  return invalidRequest('plan does not exist. Use a built-in plan or a custom one.')
}
