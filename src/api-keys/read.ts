import { authorize } from '../access/authorize.ts'
import { requireFiltered } from '../access/filter-queries.ts'
import type { Principal } from '../access/principal.ts'
import { type Page, type PageRequest, pageOf } from '../db/page.ts'
import { ServiceError } from '../errors.ts'
import type { Services } from '../services.ts'
import { findApiKeyUsage } from '../usage/queries.ts'
import { type ApiKeyOrder, placesIn } from './order.ts'
import { type ApiKeyListFilter, findApiKey, selectApiKeys } from './queries.ts'
import { type ApiKeyDetail, type ApiKeyView, apiKeyVersionUsage, apiKeyView } from './view.ts'

/**
 * The keys that match the filter, newest first or in another order. Throws `permission_denied`, and `not_found` for a
 * filter on an organization or service account that does not exist or is out of reach.
 */
export async function listApiKeys(
  { db, now }: Pick<Services, 'db' | 'now'>,
  actor: Principal,
  page: PageRequest & { readonly sort?: ApiKeyOrder },
  filter: ApiKeyListFilter = {},
): Promise<Page<ApiKeyView>> {
  const within = authorize(actor, 'api_keys.read')
  await requireFiltered(db, within, filter)
  const at = now()
  const { limit, cursor, sort = 'newest' } = page
  const places = placesIn(sort)
  const rows = await selectApiKeys(db, { within, filter, sort, after: places.read(cursor), limit: limit + 1 }, at)
  return pageOf(rows, limit, { view: (row) => apiKeyView(row, at), cursor: places.write })
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
