import { and, type Column, eq, inArray, or, type SQL, sql } from 'drizzle-orm'
import type { Db } from '../db/database.ts'
import { customRoles, organizations } from '../db/schema.ts'
import type { Within } from './authorize.ts'
import { readPermissions } from './custom-role.ts'
import { isRole } from './permissions.ts'
import type { CustomRoles } from './principal.ts'

/** Where a thing says whose it is: `createdBy` holds a client id, `serviceAccountId` the account that owns it. */
export type OwnerColumns = { readonly createdBy: Column; readonly serviceAccountId?: Column }

/**
 * The condition that keeps a query to what the caller may touch; undefined = no condition. For things that have an owner, `owner` names its
 * columns. Where a caller may touch only its own and the thing has no owner, nothing is found.
 */
export function organizationWithin(organizationId: Column, within: Within, owner?: OwnerColumns): SQL | undefined {
  if (within === 'everywhere') return undefined
  const inside = eq(organizationId, within.organizationId)
  if (!within.owner) return inside
  if (!owner) return sql`false`
  const { clientId, serviceAccountId } = within.owner
  const shared = owner.serviceAccountId && serviceAccountId !== null ? eq(owner.serviceAccountId, serviceAccountId) : undefined
  return and(inside, or(eq(owner.createdBy, clientId), shared))
}

/**
 * What those of the names permit that are custom roles of the organization. A name that is missing from the answer is no role. Whoever
 * grants them asks in the granting transaction, after `lockOrganization`: no role is changed or deleted without that lock.
 */
export async function customRolesOf(db: Db, organizationId: string, names: Iterable<string>): Promise<CustomRoles> {
  const custom = [...names].filter((name) => !isRole(name))
  if (custom.length === 0) return new Map()
  const rows = await db
    .select({ name: customRoles.name, permissions: customRoles.permissions })
    .from(customRoles)
    .where(and(eq(customRoles.organizationId, organizationId), inArray(customRoles.name, custom)))
  return new Map(rows.map((row) => [row.name, readPermissions(row.permissions)]))
}

/**
 * The organization, locked against every other change of it and of what its limits and policies count until the transaction ends; undefined
 * when it is not there or not within. Creating a key, and taking rights away, begin with this, so that counts hold.
 */
export async function lockOrganization(tx: Db, where: { id: string; within: Within }) {
  const [organization] = await tx
    .select()
    .from(organizations)
    .where(and(eq(organizations.id, where.id), organizationWithin(organizations.id, ofWhole(where.within))))
    .for('no key update')
  return organization
}

/** The organization itself has no owner: whoever may touch only its own things in it, is in it all the same. */
function ofWhole(within: Within): Within {
  return within === 'everywhere' ? within : { organizationId: within.organizationId }
}
