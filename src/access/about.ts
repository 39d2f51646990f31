import { type RefusedThing, ServiceError } from '../errors.ts'

/**
 * Files a refusal of the work under the thing that it was about, for the audit trail. `thing` is called when the work
 * was refused. Name only a thing that exists and that the actor may know of: its organization sees the refusal. The
 * innermost call counts.
 */
export async function about<Result>(
  thing: () => RefusedThing | undefined,
  work: () => Promise<Result>,
): Promise<Result> {
  try {
    return await work()
  } catch (error) {
    const { organizationId = null, subject = null } = thing() ?? {}
    const isNamed = organizationId !== null || subject !== null
    if (error instanceof ServiceError && isNamed) error.about ??= { organizationId, subject }
    throw error
  }
}
