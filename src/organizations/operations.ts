import { authorize } from '../access/authorize.ts'
import type { Permission } from '../access/permissions.ts'
import type { Principal } from '../access/principal.ts'
import { lockOrganization } from '../access/queries.ts'
import type { AuditEventOf } from '../audit/events.ts'
import { appendAuditEvent } from '../audit/queries.ts'
import { newId, randomBase62 } from '../crypto/random.ts'
import type { Db } from '../db/database.ts'
import { type Page, type PageRequest, pageOf } from '../db/page.ts'
import { taken, unlessTaken } from '../db/taken.ts'
import { ServiceError } from '../errors.ts'
import { lockPlan } from '../plans/queries.ts'
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
  uniqueMembers,
  updateOrganizationRow,
} from './queries.ts'
import { checkSlug, slugFrom } from './slug.ts'
import { type OrganizationView, organizationView } from './view.ts'

type Changing = Pick<Services, 'db' | 'now'>

export type OrganizationInput = {
  readonly name: string
  /** Absent = one is made out of the name. */
  readonly slug?: string | undefined
  readonly email?: string | undefined
  readonly plan: string
  readonly maxKeyLifetimeSeconds?: number | undefined
}

/**
 * Throws `permission_denied` for everyone but root, `conflict` naming `slug` or `email` when another organization has it, `invalid_request`
 * for a slug that is none and for a plan that there is not. Names need not be unique.
 */
export async function createOrganization(
  { db, now }: Changing,
  actor: Principal,
  input: OrganizationInput,
): Promise<OrganizationView> {
  authorize(actor, 'organizations.create')
  const at = now()
  const { slug, email, ...rest } = input
  const row = { ...rest, id: newId('org'), email: email?.toLowerCase() ?? null, createdAt: at }
  if (slug !== undefined) checkSlug(slug)
  return await db.transaction(async (tx) => {
    await requirePlan(tx, input.plan)
    const organization = await unlessTaken(uniqueMembers, () => insertWithSlug(tx, row, slug))
    const { id, name, plan } = organization
    await appendAuditEvent(
      tx,
      { type: 'organization.created', actor, organizationId: id, subject: id, context: { name, plan } },
      at,
    )
    return await shown(tx, organization)
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

/** Newest first; whoever is not root sees its own. */
export async function listOrganizations(
  { db }: Pick<Services, 'db'>,
  actor: Principal,
  { limit, cursor, ...filter }: PageRequest & OrganizationFilter,
): Promise<Page<OrganizationView>> {
  const within = authorize(actor, 'organizations.read')
  const rows = await selectOrganizations(db, { within, filter, before: cursor, limit: limit + 1 })
  const limits = await limitsOfPlans(
    db,
    rows.map(({ plan }) => plan),
  )
  return pageOf(rows, limit, { view: (row) => organizationView(row, limits), cursor: (row) => row.id })
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

/** Absent = as it was; an email of null takes it away. */
export type OrganizationUpdate = {
  readonly name?: string | undefined
  readonly slug?: string | undefined
  readonly email?: string | null | undefined
}

/** Throws `conflict` naming `slug` or `email` when another organization has it, `precondition_failed` for another revision than the expected. */
export async function updateOrganization(
  services: Changing,
  actor: Principal,
  id: string,
  { name, slug, email }: OrganizationUpdate,
  expectedRevision?: number,
): Promise<OrganizationView> {
  const changes: OrganizationChanges = {
    ...(name === undefined ? {} : { name }),
    ...(slug === undefined ? {} : { slug: checkSlug(slug) }),
    ...(email === undefined ? {} : { email: email?.toLowerCase() ?? null }),
  }
  // Not the values: an address for mail must not stay for ever in a trail that nobody can edit.
  const changed = Object.keys(changes)
  if (changed.length === 0) throw new ServiceError('invalid_request', { detail: 'The body names nothing to change.' })
  return await change(services, actor, { id, permission: 'organizations.update', expectedRevision }, () => ({
    changes,
    event: { type: 'organization.updated', context: { changed } },
  }))
}

/** The limits of the new plan hold for what is done from now on: keys beyond a smaller one live on, and no new ones are made. */
export async function changeOrganizationPlan(
  services: Changing,
  actor: Principal,
  id: string,
  plan: string,
  expectedRevision?: number,
): Promise<OrganizationView> {
  return await change(
    services,
    actor,
    { id, permission: 'organizations.change_plan', expectedRevision },
    async (organization, tx) => {
      await requirePlan(tx, plan)
      return {
        changes: { plan },
        event: { type: 'organization.plan_changed', context: { from: organization.plan, to: plan } },
      }
    },
  )
}

/** The lifetime policy holds for keys that are made or changed from now on; null takes it away. */
export async function changeOrganizationPolicy(
  services: Changing,
  actor: Principal,
  id: string,
  maxKeyLifetimeSeconds: number | null,
  expectedRevision?: number,
): Promise<OrganizationView> {
  return await change(
    services,
    actor,
    { id, permission: 'organizations.change_policy', expectedRevision },
    (organization) => ({
      changes: { maxKeyLifetimeSeconds },
      event: {
        type: 'organization.policy_changed',
        context: { fromSeconds: organization.maxKeyLifetimeSeconds, toSeconds: maxKeyLifetimeSeconds },
      },
    }),
  )
}

type ChangeType = 'organization.updated' | 'organization.plan_changed' | 'organization.policy_changed'
type ChangeEvent = { [Type in ChangeType]: Pick<AuditEventOf<Type>, 'type' | 'context'> }[ChangeType]
type Change = { changes: OrganizationChanges; event: ChangeEvent }

async function change(
  { db, now }: Changing,
  actor: Principal,
  { id, permission, expectedRevision }: { id: string; permission: Permission; expectedRevision: number | undefined },
  decide: (organization: Organization, tx: Db) => Change | Promise<Change>,
): Promise<OrganizationView> {
  const within = authorize(actor, permission)
  const at = now()
  return await db.transaction(async (tx) => {
    const organization = await lockOrganization(tx, { id, within })
    if (!organization) throw new ServiceError('not_found')
    if (expectedRevision !== undefined && expectedRevision !== organization.revision)
      throw new ServiceError('precondition_failed')
    const { changes, event } = await decide(organization, tx)
    const updated = await unlessTaken(uniqueMembers, () => updateOrganizationRow(tx, id, changes))
    const view = await shown(tx, updated)
    await appendAuditEvent(tx, { ...event, actor, organizationId: id, subject: id }, at)
    return view
  })
}

async function shown(db: Db, organization: Organization): Promise<OrganizationView> {
  return organizationView(organization, await limitsOfPlans(db, [organization.plan]))
}

/** The plan, kept from being deleted until the transaction ends. */
async function requirePlan(tx: Db, name: string): Promise<void> {
  if (await lockPlan(tx, name)) return
  throw new ServiceError('invalid_request', { detail: 'plan: there is no such plan.' })
}
