import { ServiceError } from '../errors.ts'
import { brokenUniqueness } from './failure.ts'

/** Unique constraint → the member of the request that must be unique. */
const memberOf: Readonly<Record<string, string>> = {
  organizations_slug_unique: 'slug',
  organizations_email_unique: 'email',
  plans_pkey: 'name',
  service_accounts_name: 'name',
  custom_roles_organization_id_name_pk: 'name',
}

/**
 * Runs a change. If it breaks a unique constraint, throws `conflict` naming the member. Other errors pass unchanged.
 */
export async function unlessTaken<Result>(change: () => Promise<Result>): Promise<Result> {
  try {
    return await change()
  } catch (error) {
    const member = memberOf[brokenUniqueness(error) ?? '']
    if (member === undefined) throw error
    throw taken(member, error)
  }
}

export function taken(member: string, cause?: unknown): ServiceError {
  return new ServiceError('conflict', {
    detail: `${member} is already taken. Choose another one.`,
    extensions: { member },
    cause,
  })
}
