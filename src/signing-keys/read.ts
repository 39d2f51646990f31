import { requireServiceWide } from '../access/authorize.ts'
import type { Principal } from '../access/principal.ts'
import { ServiceError } from '../errors.ts'
import type { Services } from '../services.ts'
import { findSigningKeyUsage } from '../usage/queries.ts'
import { findAuthenticatedVerifiers } from '../verifiers/queries.ts'
import { readRing } from './queries.ts'
import { type WithReadiness, withReadiness } from './readiness-view.ts'
import { historyOf, type KeyLine, keysOf, linesOf, ringOf } from './ring.ts'
import { type SigningKeyDetail, type SigningKeyView, signingKeyActivations, signingKeyView } from './view.ts'

/** All keys that ever were, by purpose and algorithm, oldest first, with every coming instant; pending token keys with who holds them. */
export async function listSigningKeys(
  services: Pick<Services, 'db' | 'now' | 'config'>,
  actor: Principal,
): Promise<WithReadiness<SigningKeyView>[]> {
  requireServiceWide(actor, 'signing_keys.read')
  const rows = await readRing(services.db)
  if (!rows) return []
  const usage = await findSigningKeyUsage(
    services.db,
    rows.keys.map(({ kid }) => kid),
  )
  const ring = ringOf(rows, services.config)
  const now = services.now()
  const seen = await findAuthenticatedVerifiers(services.db, now)
  const ofLine = (line: KeyLine) =>
    keysOf(ring, line).map((key) =>
      signingKeyView(
        ring,
        key,
        now,
        usage.find(({ kid }) => kid === key.kid),
      ),
    )
  const views = linesOf(ring).flatMap((line) => ofLine(line).sort((a, b) => a.version - b.version))
  return views.map((view) => withReadiness(view, seen, now))
}

/** One key with its whole history: each activation, when it was decided, by whom and why. Throws `not_found`. */
export async function showSigningKey(
  services: Pick<Services, 'db' | 'now' | 'config'>,
  actor: Principal,
  kid: string,
): Promise<WithReadiness<SigningKeyDetail>> {
  requireServiceWide(actor, 'signing_keys.read')
  const rows = await readRing(services.db)
  const ring = rows && ringOf(rows, services.config)
  const key = ring?.keys.find((each) => each.kid === kid)
  if (!rows || !ring || !key) throw new ServiceError('not_found')
  const [usage] = await findSigningKeyUsage(services.db, [kid])
  const now = services.now()
  const activations = signingKeyActivations(historyOf(rows, key), key.kid, now)
  const detail = { ...signingKeyView(ring, key, now, usage), activations }
  return withReadiness(detail, await findAuthenticatedVerifiers(services.db, now), now)
}
