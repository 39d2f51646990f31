import { requireServiceWide } from '../access/authorize.ts'
import type { Principal } from '../access/principal.ts'
import { isId } from '../crypto/random.ts'
import { cursorsOf } from '../db/cursors.ts'
import { type Page, type PageRequest, pageOf } from '../db/page.ts'
import { isVerifierName } from '../kit/key-sets/verifier-name.ts'
import type { Services } from '../services.ts'
import { pruneVerifiers, selectVerifiers } from './queries.ts'
import { type VerifierView, verifierView } from './view.ts'

const keptSeconds = 30 * 86_400

/** A verifier that did not authenticate has an empty client id. */
const cursors = cursorsOf<{ clientId: string; name: string }>('verifiers', {
  write: ({ clientId, name }) => `${clientId}/${name}`,
  read(text) {
    const [, clientId = '', name = ''] = /^([^/]*)\/(.*)$/.exec(text) ?? []
    const isPosition = clientId === '' ? isVerifierName(name) : isId(clientId) && (name === '' || isVerifierName(name))
    return isPosition ? { clientId, name } : undefined
  },
})

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
  const rows = await selectVerifiers(db, { after: cursors.read(page.cursor), limit: page.limit + 1 })
  return pageOf(rows, page.limit, {
    view: (row) => verifierView(row, at),
    cursor: (row) => cursors.write(row),
  })
}

/** Part of maintenance: deletes verifiers that were not seen for 30 days. */
export async function forgetVerifiers({ db, now }: Pick<Services, 'db' | 'now'>): Promise<void> {
  await pruneVerifiers(db, new Date(now().getTime() - keptSeconds * 1000))
}
