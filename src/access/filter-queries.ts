import { and, eq } from 'drizzle-orm'
import type { Db } from '../db/database.ts'
import { organizations, serviceAccounts } from '../db/schema.ts'
import { ServiceError } from '../errors.ts'
import { type Within, wholeOrganization } from './authorize.ts'
import { organizationWithin } from './queries.ts'

/** The things that the filter of a list names by their ids. */
type NamedByFilter = { readonly organizationId?: string | undefined; readonly serviceAccountId?: string | undefined }

/**
 * Refuses a filter that names a thing which does not exist or is out of reach: an empty list would look as if there was
 * nothing to find. Throws `not_found`, the same for both.
 */
export async function requireFiltered(
  db: Db,
  within: Within,
  { organizationId, serviceAccountId }: NamedByFilter,
): Promise<void> {
  const reach = wholeOrganization(within)
  if (organizationId !== undefined) {
    const isIt = and(eq(organizations.id, organizationId), organizationWithin(organizations.id, reach))
    const [found] = await db.select({ id: organizations.id }).from(organizations).where(isIt).limit(1)
    if (!found) throw notFound('organizationId')
  }
  if (serviceAccountId !== undefined) {
    const isIt = and(
      eq(serviceAccounts.id, serviceAccountId),
      organizationWithin(serviceAccounts.organizationId, reach),
    )
    const [found] = await db.select({ id: serviceAccounts.id }).from(serviceAccounts).where(isIt).limit(1)
    if (!found) throw notFound('serviceAccountId')
  }
}

function notFound(member: string): ServiceError {
  return new ServiceError('not_found', {
    detail: `${member}: not found, or you do not have access. Correct the filter.`,
  })
}
