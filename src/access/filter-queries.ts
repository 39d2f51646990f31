import { and, eq } from 'drizzle-orm'
import type { Db } from '../db/database.ts'
import { organizations, serviceAccounts } from '../db/schema.ts'
import { namedThingNotFound } from '../errors.ts'
import { type Within, wholeOrganization } from './authorize.ts'
import { organizationWithin } from './queries.ts'

/** The things that the filter of a list names by their ids. */
type NamedByFilter = { readonly organizationId?: string | undefined; readonly serviceAccountId?: string | undefined }

/**
 * Refuses a filter that names a thing which does not exist or is out of reach: an empty list would look as if there was
 * nothing to find. Throws `not_found`, the same for both. `path` is where the request has the filter.
 */
export async function requireFiltered(
  db: Db,
  within: Within,
  { organizationId, serviceAccountId }: NamedByFilter,
  path: '' | 'filter.' = '',
): Promise<void> {
  const reach = wholeOrganization(within)
  if (organizationId !== undefined) {
    const isIt = and(eq(organizations.id, organizationId), organizationWithin(organizations.id, reach))
    const [found] = await db.select({ id: organizations.id }).from(organizations).where(isIt).limit(1)
    if (!found) throw namedThingNotFound(`${path}organizationId`)
  }
  if (serviceAccountId !== undefined) {
    const isIt = and(
      eq(serviceAccounts.id, serviceAccountId),
      organizationWithin(serviceAccounts.organizationId, reach),
    )
    const [found] = await db.select({ id: serviceAccounts.id }).from(serviceAccounts).where(isIt).limit(1)
    if (!found) throw namedThingNotFound(`${path}serviceAccountId`)
  }
}
