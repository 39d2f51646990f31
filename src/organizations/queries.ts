import { and, desc, eq, lt } from 'drizzle-orm'
import type { Within } from '../access/authorize.ts'
import { organizationWithin } from '../access/queries.ts'
import type { Db } from '../db/database.ts'
import { organizations } from '../db/schema.ts'
import type { Plan } from './plans.ts'

export type Organization = typeof organizations.$inferSelect

export type NewOrganization = { id: string; name: string; plan: Plan; createdAt: Date }

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
