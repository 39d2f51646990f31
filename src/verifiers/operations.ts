import { requireServiceWide } from '../access/authorize.ts'
import type { Principal } from '../access/principal.ts'
import { type Page, type PageRequest, pageOf } from '../db/page.ts'
import { invalidRequest } from '../errors.ts'
import type { Services } from '../services.ts'
import { pruneVerifiers, selectVerifiers } from './queries.ts'
import { type VerifierView, verifierView } from './view.ts'

const keptSeconds = 30 * 86_400

/**
 * Who fetched the JWK Set within the last 30 days, authenticated ones first. Throws `permission_denied`,
 * `invalid_request`.
 */
export async function listVerifiers(
  { db, now }: Pick<Services, 'db' | 'now'>,
  actor: Principal,
  page: PageRequest,
): Promise<Page<VerifierView>> {
  requireServiceWide(actor, 'signing_keys.read')
  const at = now()
  const rows = await selectVerifiers(db, { after: readCursor(page.cursor), limit: page.limit + 1 })
  return pageOf(rows, page.limit, {
    view: (row) => verifierView(row, at),
    cursor: ({ clientId, name }) => `${clientId}/${name}`,
  })
}

/** Part of maintenance: deletes verifiers that were not seen for 30 days. */
export async function forgetVerifiers({ db, now }: Pick<Services, 'db' | 'now'>): Promise<void> {
  await pruneVerifiers(db, new Date(now().getTime() - keptSeconds * 1000))
}

function readCursor(cursor: string | undefined): { clientId: string; name: string } | undefined {
  if (cursor === undefined) return undefined
  const slash = cursor.indexOf('/')
  if (slash === -1) throw invalidRequest('cursor is invalid. Use the nextCursor of the previous page.')
  return { clientId: cursor.slice(0, slash), name: cursor.slice(slash + 1) }
}
