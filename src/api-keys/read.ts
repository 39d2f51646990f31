import { authorize } from '../access/authorize.ts'
import type { Principal } from '../access/principal.ts'
import { cursorsOf, idPositions } from '../db/cursors.ts'
import { type Page, type PageRequest, pageOf } from '../db/page.ts'
import { ServiceError } from '../errors.ts'
import type { Services } from '../services.ts'
import { findApiKeyUsage } from '../usage/queries.ts'
import { type ApiKeyListFilter, findApiKey, selectApiKeys } from './queries.ts'
import { type ApiKeyDetail, type ApiKeyView, apiKeyVersionUsage, apiKeyView } from './view.ts'

const cursors = cursorsOf('api-keys', idPositions('key'))

/**
 * The keys that match the filter, newest first. Throws `permission_denied`. A filter on things out of reach finds
 * nothing.
 */
export async function listApiKeys(
  { db, now }: Pick<Services, 'db' | 'now'>,
  actor: Principal,
  page: PageRequest,
  filter: ApiKeyListFilter = {},
): Promise<Page<ApiKeyView>> {
  const within = authorize(actor, 'api_keys.read')
  const at = now()
  const rows = await selectApiKeys(db, { within, filter, before: cursors.read(page.cursor), limit: page.limit + 1 }, at)
  return pageOf(rows, page.limit, { view: (row) => apiKeyView(row, at), cursor: (row) => cursors.write(row.id) })
}

/** One key with the usage of each version. Throws `not_found`. */
export async function showApiKey(
  { db, now }: Pick<Services, 'db' | 'now'>,
  actor: Principal,
  id: string,
): Promise<ApiKeyDetail> {
  const within = authorize(actor, 'api_keys.read')
  const apiKey = await findApiKey(db, { id, within })
  if (!apiKey) throw new ServiceError('not_found')
  const usage = await findApiKeyUsage(db, apiKey.id)
  return { ...apiKeyView(apiKey, now()), usage: usage.map(apiKeyVersionUsage) }
}
