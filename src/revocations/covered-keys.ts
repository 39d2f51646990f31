import { selectLiveKeyIds } from '../access/live-key-queries.ts'
import { selectVersionNumbers } from '../api-keys/version-queries.ts'
import type { Db } from '../db/database.ts'
import type { RuleInput } from './new-rule.ts'

/** API keys, or only these versions of them. */
type CoveredKeys = { readonly keyIds: readonly string[]; readonly versions?: readonly number[] }

/** The API keys whose tokens the rule may cover. Does not check that the value exists or who owns it. */
export async function coveredKeys(db: Db, { kind, value, minVersion, maxVersion }: RuleInput): Promise<CoveredKeys> {
  switch (kind) {
    case 'token':
      return { keyIds: [] }
    case 'signing_key':
    case 'all':
      return { keyIds: await selectLiveKeyIds(db, 'everywhere') }
    case 'organization':
      return { keyIds: await selectLiveKeyIds(db, { organizationId: value }) }
    case 'subject': {
      const space = value.indexOf(' ')
      const owner = { organizationId: value.slice(0, space), subject: value.slice(space + 1) }
      return { keyIds: await selectLiveKeyIds(db, owner) }
    }
    case 'api_key': {
      if (minVersion === undefined && maxVersion === undefined) return { keyIds: [value] }
      return { keyIds: [value], versions: await selectVersionNumbers(db, value, { minVersion, maxVersion }) }
    }
    default:
      throw kind satisfies never
  }
}
