import { ServiceError } from '../errors.ts'
import { brokenUniqueness } from './failure.ts'

/**
 * Runs a change; when it breaks one of the unique constraints, throws `conflict` naming the member that another one has already.
 * @param members Constraint → the member of the caller's request. Any other failure passes as it is.
 */
export async function unlessTaken<Result>(
  members: Readonly<Record<string, string>>,
  change: () => Promise<Result>,
): Promise<Result> {
  try {
    return await change()
  } catch (error) {
    const member = members[brokenUniqueness(error) ?? '']
    if (member === undefined) throw error
    throw taken(member, error)
  }
}

export function taken(member: string, cause?: unknown): ServiceError {
  return new ServiceError('conflict', {
    detail: `${member} is taken: another one has it.`,
    extensions: { member },
    cause,
  })
}
