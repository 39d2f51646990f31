import { ServiceError } from '../errors.ts'
import type { ApiKeyEnvironment } from './format.ts'

/** Which keys are meant: those of which everything that is said here is true. */
export type ApiKeyFilter = {
  readonly organizationId?: string | undefined
  readonly label?: string | undefined
  readonly environment?: ApiKeyEnvironment | undefined
  readonly createdBefore?: Date | undefined
  readonly serviceAccountId?: string | undefined
  /** Of a leaked secret that was seen in part: what it begins with, before the environment, and the last four of its random part. */
  readonly prefix?: string | undefined
  readonly hint?: string | undefined
}

/** A filter that says nothing means every key there is: that must not happen by leaving something out. Throws `invalid_request`. */
export function requireFilter(filter: ApiKeyFilter): void {
  if (Object.values(filter).some((value) => value !== undefined)) return
  throw new ServiceError('invalid_request', {
    detail: 'filter says nothing: name at least one thing that the keys have in common.',
  })
}

/** The filter as it goes into the audit trail. */
export function describeFilter({ createdBefore, ...filter }: ApiKeyFilter): Record<string, string> {
  const said = Object.entries({ ...filter, createdBefore: createdBefore?.toISOString() })
  return Object.fromEntries(said.filter((entry): entry is [string, string] => entry[1] !== undefined))
}
