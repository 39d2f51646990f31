import { and, desc, eq, inArray, isNotNull, isNull, lt, sql } from 'drizzle-orm'
import { type Within, wholeOrganization } from '../access/authorize.ts'
import { organizationWithin } from '../access/queries.ts'
import type { Db } from '../db/database.ts'
import { organizations, plans } from '../db/schema.ts'
import { builtInPlans, isBuiltInPlan, type PlanLimits } from '../plans/limits.ts'

export type Organization = typeof organizations.$inferSelect

export type NewOrganization = typeof organizations.$inferInsert

export type OrganizationChanges = Partial<Omit<Organization, 'id' | 'createdAt' | 'revision'>>

export async function insertOrganization(db: Db, organization: NewOrganization): Promise<Organization> {
  const [inserted] = await db.insert(organizations).values(organization).returning()
  if (!inserted) throw new Error('the organization was not inserted')
  return inserted
}

/**
 * As `insertOrganization`, but returns undefined when another organization has the slug. The transaction stays usable.
 */
export async function insertOrganizationUnlessSlugTaken(
  tx: Db,
  organization: NewOrganization,
): Promise<Organization | undefined> {
  const [inserted] = await tx
    .insert(organizations)
    .values(organization)
    .onConflictDoNothing({ target: organizations.slug })
    .returning()
  return inserted
}

/** Changes an organization and increments its revision. The caller has locked it. */
export async function updateOrganizationRow(tx: Db, id: string, changes: OrganizationChanges): Promise<Organization> {
  const [updated] = await tx
    .update(organizations)
    .set({ ...changes, revision: sql`${organizations.revision} + 1` })
    .where(eq(organizations.id, id))
    .returning()
  if (!updated) throw new Error('the organization is gone while it is locked')
  return updated
}

/**
 * The organization, if it is within the caller's reach. A reach of `own` still finds the caller's whole organization.
 */
export async function findOrganization(
  db: Db,
  where: { id: string; within: Within },
): Promise<Organization | undefined> {
  const [organization] = await db
    .select()
    .from(organizations)
    .where(and(eq(organizations.id, where.id), organizationWithin(organizations.id, wholeOrganization(where.within))))
    .limit(1)
  return organization
}

export type OrganizationFilter = {
  slug?: string | undefined
  plan?: string | undefined
  suspended?: boolean | undefined
}

/** Newest first, at most `limit`, only ids before `before`. */
export async function selectOrganizations(
  db: Db,
  where: { within: Within; filter?: OrganizationFilter; before: string | undefined; limit: number },
): Promise<Organization[]> {
  const { slug, plan, suspended } = where.filter ?? {}
  return await db
    .select()
    .from(organizations)
    .where(
      and(
        organizationWithin(organizations.id, where.within),
        where.before === undefined ? undefined : lt(organizations.id, where.before),
        slug === undefined ? undefined : eq(organizations.slug, slug),
        plan === undefined ? undefined : eq(organizations.plan, plan),
        suspended === undefined ? undefined : (suspended ? isNotNull : isNull)(organizations.suspendedAt),
      ),
    )
    .orderBy(desc(organizations.id))
    .limit(where.limit)
}

/**
 * The limits of the organization's plan, built-in or custom. A count that must hold under concurrency has to be taken
 * after `lockOrganization` (access/queries.ts), in the same transaction. Throws for an organization that does not
 * exist.
 */
export async function planOf(db: Db, organizationId: string): Promise<PlanLimits> {
  const [row] = await db
    .select({ name: organizations.plan, own: planLimits })
    .from(organizations)
    .leftJoin(plans, eq(plans.name, organizations.plan))
    .where(eq(organizations.id, organizationId))
    .limit(1)
  const limits = row && (isBuiltInPlan(row.name) ? builtInPlans[row.name] : row.own)
  if (!limits) throw new Error('the organization, or the plan that it names, is not there')
  return limits
}

/** The limits of the named plans, built-in or custom. Unknown names are left out. */
export async function limitsOfPlans(db: Db, names: readonly string[]): Promise<ReadonlyMap<string, PlanLimits>> {
  const limits = new Map<string, PlanLimits>(names.filter(isBuiltInPlan).map((name) => [name, builtInPlans[name]]))
  const own = [...new Set(names)].filter((name) => !isBuiltInPlan(name))
  if (own.length === 0) return limits
  const rows = await db.select({ name: plans.name, limits: planLimits }).from(plans).where(inArray(plans.name, own))
  for (const row of rows) limits.set(row.name, row.limits)
  return limits
}

const planLimits = {
  requestsPerMinute: plans.requestsPerMinute,
  requestsPerMonth: plans.requestsPerMonth,
  apiKeys: plans.apiKeys,
  defaultOverlapSeconds: plans.defaultOverlapSeconds,
  maxOverlapSeconds: plans.maxOverlapSeconds,
}

/** The oldest organization that is not suspended: of a bootstrapped database, the one that the first start created. */
export async function findFirstUsableOrganizationId(db: Db): Promise<string | undefined> {
  const [organization] = await db
    .select({ id: organizations.id })
    .from(organizations)
    .where(isNull(organizations.suspendedAt))
    .orderBy(organizations.createdAt, organizations.id)
    .limit(1)
  return organization?.id
}
