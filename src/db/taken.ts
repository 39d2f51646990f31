import { ServiceError } from '../errors.ts'
import { brokenUniqueness } from './failure.ts'

/**
 * Runs a change. If it breaks one of the unique constraints, throws `conflict` and names the member whose value is in
 * use.
 * @param members Unique constraint → member of the request. Other errors are rethrown.
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
