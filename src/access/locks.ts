import { namedThingNotFound, ServiceError } from '../errors.ts'
import { organizationFor } from './authorize.ts'
import type { Attempt, Lock } from './change.ts'
import { keepLastHolders, type LastHolders } from './last-holders.ts'
import { lockOrganization } from './queries.ts'

export type Organization = NonNullable<Awaited<ReturnType<typeof lockOrganization>>>

/** Locks nothing: for a new thing that belongs to no organization. The events name their own subject. */
export const noLock: Lock<undefined> = async (_, work) =>
  await work({ thing: undefined, organizationId: null, subject: null })

/** Locks an organization. Throws `not_found`. */
export function organizationLock(id: string): Lock<Organization> {
  return async ({ tx, within }, work) => {
    const organization = await lockOrganization(tx, { id, within })
    if (!organization) throw new ServiceError('not_found')
    return await work({ thing: organization, organizationId: id, subject: id, revision: organization.revision })
  }
}

/** Locks the organization of a new thing: the requested one, or the actor's. The events name their own subject. */
export function organizationLockFor(asked: string | undefined): Lock<Organization> {
  return async (attempt, work) => {
    const organizationId = organizationFor(attempt.actor, attempt.within, asked)
    const organization = await lockOrganization(attempt.tx, { id: organizationId, within: attempt.within })
    if (!organization) throw namedThingNotFound('organizationId')
    return await work({ thing: organization, organizationId, subject: null })
  }
}

/**
 * A lock for changes that may remove rights: `keepLastHolders` around another lock. `find` reads the affected
 * organization before anything is locked. Undefined = `not_found`; an `organizationId` of null = only the last root key
 * is checked.
 */
export function keepingLastHolders<Thing>(
  find: (attempt: Attempt) => Promise<LastHolders | undefined>,
  lock: Lock<Thing>,
): Lock<Thing> {
  return async (attempt, work) => {
    const found = await find(attempt)
    if (!found) throw new ServiceError('not_found')
    const { tx, now } = attempt
    const { organizationId, force, until, lost } = found
    return await keepLastHolders(tx, { organizationId, now, force, until, lost }, () => lock(attempt, work))
  }
}
