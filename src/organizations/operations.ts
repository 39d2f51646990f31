import { authorize } from '../access/authorize.ts'
import type { Principal } from '../access/principal.ts'
import { appendAuditEvent } from '../audit/queries.ts'
import { newId } from '../crypto/random.ts'
import { type Page, type PageRequest, pageOf } from '../db/page.ts'
import { ServiceError } from '../errors.ts'
import type { Services } from '../services.ts'
import type { BuiltInPlan } from './plans.ts'
import { findOrganization, insertOrganization, type Organization, selectOrganizations } from './queries.ts'

/** An organization as the admin API shows it; instants are RFC 3339 texts. */
export type OrganizationView = { id: string; name: string; plan: string; suspendedAt: string | null; createdAt: string }

/** Throws `permission_denied` for everyone but root. Names need not be unique: the id tells organizations apart. */
export async function createOrganization(
  { db, now }: Pick<Services, 'db' | 'now'>,
  actor: Principal,
  input: { name: string; plan: BuiltInPlan },
): Promise<OrganizationView> {
  authorize(actor, 'organizations.create')
  const at = now()
  return await db.transaction(async (tx) => {
    const organization = await insertOrganization(tx, { id: newId('org'), ...input, createdAt: at })
    const { id, name, plan } = organization
    await appendAuditEvent(tx, { type: 'organization.created', actor, organizationId: id, subject: id, context: { name, plan } }, at)
    return organizationView(organization)
  })
}

/** Newest first; an admin sees its own. */
export async function listOrganizations(
  { db }: Pick<Services, 'db'>,
  actor: Principal,
  page: PageRequest,
): Promise<Page<OrganizationView>> {
  const within = authorize(actor, 'organizations.read')
  const rows = await selectOrganizations(db, { within, before: page.cursor, limit: page.limit + 1 })
  return pageOf(rows, page.limit, { view: organizationView, cursor: (row) => row.id })
}

export async function showOrganization({ db }: Pick<Services, 'db'>, actor: Principal, id: string): Promise<OrganizationView> {
  const within = authorize(actor, 'organizations.read')
  const organization = await findOrganization(db, { id, within })
  if (!organization) throw new ServiceError('not_found')
  return organizationView(organization)
}

function organizationView({ id, name, plan, suspendedAt, createdAt }: Organization): OrganizationView {
  return { id, name, plan, suspendedAt: suspendedAt?.toISOString() ?? null, createdAt: createdAt.toISOString() }
}
