import { selectLiveKeyIds } from '../access/live-key-queries.ts'
import { findApiKey } from '../api-keys/queries.ts'
import type { Db } from '../db/database.ts'
import type { RuleInput } from './new-rule.ts'

/** API keys, or only these versions of them. */
type CoveredKeys = { readonly keyIds: readonly string[]; readonly versions?: readonly number[] }

/** The API keys whose tokens the rule may cover. Does not check that the value exists or who owns it. */
export async function coveredKeys(db: Db, { kind, value, maxVersion }: RuleInput): Promise<CoveredKeys> {
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
      if (maxVersion === undefined) return { keyIds: [value] }
      const apiKey = await findApiKey(db, { id: value, within: 'everywhere' })
      const last = Math.min(maxVersion, apiKey?.version ?? 0)
      return { keyIds: [value], versions: Array.from({ length: last }, (_, index) => index + 1) }
    }
    default:
      throw kind satisfies never
  }
}
