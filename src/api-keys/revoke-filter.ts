import { invalidRequest } from '../errors.ts'
import type { ApiKeyEnvironment } from './format.ts'

/** Selects the keys that match all of these conditions. */
export type RevocationFilter = {
  readonly organizationId?: string | undefined
  readonly label?: string | undefined
  readonly environment?: ApiKeyEnvironment | undefined
  readonly createdBefore?: Date | undefined
  readonly serviceAccountId?: string | undefined
  /**
   * For a leaked secret of which only parts are known. `prefix`: its start, before the environment. `hint`: the last
   * four characters of its random part.
   */
  readonly prefix?: string | undefined
  readonly hint?: string | undefined
}

/** An empty filter would select every key, which must not happen by mistake. Throws `invalid_request`. */
export function requireFilter(filter: RevocationFilter): void {
  if (Object.values(filter).some((value) => value !== undefined)) return
  throw invalidRequest('filter is empty. Set at least one condition that selects the keys to revoke.')
}

/** The filter as the audit trail records it. */
export function describeFilter({ createdBefore, ...filter }: RevocationFilter): Record<string, string> {
  const said = Object.entries({ ...filter, createdBefore: createdBefore?.toISOString() })
  return Object.fromEntries(said.filter((entry): entry is [string, string] => entry[1] !== undefined))
}
