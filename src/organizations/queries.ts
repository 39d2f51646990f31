import { and, desc, eq, lt } from 'drizzle-orm'
import type { Within } from '../access/authorize.ts'
import { organizationWithin } from '../access/queries.ts'
import type { Db } from '../db/database.ts'
import { organizations, plans } from '../db/schema.ts'
import { builtInPlans, isBuiltInPlan, type PlanLimits } from './plans.ts'

export type Organization = typeof organizations.$inferSelect

export type NewOrganization = { id: string; name: string; plan: string; createdAt: Date }

export async function insertOrganization(db: Db, organization: NewOrganization): Promise<Organization> {
  const [inserted] = await db.insert(organizations).values(organization).returning()
  if (!inserted) throw new Error('the organization was not inserted')
  return inserted
}

export async function findOrganization(db: Db, where: { id: string; within: Within }): Promise<Organization | undefined> {
  const [organization] = await db
    .select()
    .from(organizations)
    .where(and(eq(organizations.id, where.id), organizationWithin(organizations.id, where.within)))
    .limit(1)
  return organization
}

/** Newest first, at most `limit`, only ids before `before`. */
export async function selectOrganizations(
  db: Db,
  where: { within: Within; before: string | undefined; limit: number },
): Promise<Organization[]> {
  return await db
    .select()
    .from(organizations)
    .where(
      and(organizationWithin(organizations.id, where.within), where.before === undefined ? undefined : lt(organizations.id, where.before)),
    )
    .orderBy(desc(organizations.id))
    .limit(where.limit)
}

/**
 * What the organization's plan allows, built in or the operator's own. A count that must hold under concurrency is taken after
 * `lockOrganization` (access/queries.ts), in the same transaction. Throws for an organization that is not there.
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

const planLimits = {
  requestsPerMinute: plans.requestsPerMinute,
  requestsPerMonth: plans.requestsPerMonth,
  apiKeys: plans.apiKeys,
  defaultOverlapSeconds: plans.defaultOverlapSeconds,
  maxOverlapSeconds: plans.maxOverlapSeconds,
}
