import { and, asc, eq, sql } from 'drizzle-orm'
import { type Within, wholeOrganization } from '../access/authorize.ts'
import { organizationWithin } from '../access/queries.ts'
import type { Db } from '../db/database.ts'
import { organizations, plans } from '../db/schema.ts'
import { isBuiltInPlan, type PlanLimits } from './limits.ts'

export type OwnPlan = typeof plans.$inferSelect

/** False if the plan does not exist. Otherwise it cannot be deleted until the transaction ends. */
export async function lockPlan(tx: Db, name: string): Promise<boolean> {
  if (isBuiltInPlan(name)) return true
  const [plan] = await tx.select({ name: plans.name }).from(plans).where(eq(plans.name, name)).for('key share')
  return plan !== undefined
}

/**
 * Whether there is a plan with this name, as far as the caller may know: names of custom plans are of the service, so
 * within an organization only that of its own plan counts.
 */
export async function isPlanWithin(db: Db, within: Within, name: string): Promise<boolean> {
  if (isBuiltInPlan(name)) return true
  if (within === 'everywhere') return (await findOwnPlan(db, name)) !== undefined
  const isIt = and(eq(organizations.plan, name), organizationWithin(organizations.id, wholeOrganization(within)))
  const [found] = await db.select({ id: organizations.id }).from(organizations).where(isIt).limit(1)
  return found !== undefined
}

/** The custom plan, locked: until the transaction ends nobody can change it, delete it or put an organization on it. */
export async function lockOwnPlan(tx: Db, name: string): Promise<OwnPlan | undefined> {
  const [plan] = await tx.select().from(plans).where(eq(plans.name, name)).for('update')
  return plan
}

export async function findOwnPlan(db: Db, name: string): Promise<OwnPlan | undefined> {
  const [plan] = await db.select().from(plans).where(eq(plans.name, name)).limit(1)
  return plan
}

/** By name. */
export async function selectOwnPlans(db: Db): Promise<OwnPlan[]> {
  return await db.select().from(plans).orderBy(asc(plans.name))
}

export async function insertOwnPlan(tx: Db, plan: typeof plans.$inferInsert): Promise<OwnPlan> {
  const [inserted] = await tx.insert(plans).values(plan).returning()
  if (!inserted) throw new Error('the plan was not inserted')
  return inserted
}

export async function updateOwnPlanRow(tx: Db, name: string, limits: PlanLimits): Promise<OwnPlan> {
  const [updated] = await tx
    .update(plans)
    .set({ ...limits, revision: sql`${plans.revision} + 1` })
    .where(eq(plans.name, name))
    .returning()
  if (!updated) throw new Error('the plan is gone while it is locked')
  return updated
}

export async function deleteOwnPlan(tx: Db, name: string): Promise<void> {
  await tx.delete(plans).where(eq(plans.name, name))
}

export async function countOrganizationsOn(tx: Db, plan: string): Promise<number> {
  const [row] = await tx
    .select({ count: sql<number>`count(*)`.mapWith(Number) })
    .from(organizations)
    .where(eq(organizations.plan, plan))
  return row?.count ?? 0
}
