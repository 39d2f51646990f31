import { requireServiceWide } from '../access/authorize.ts'
import type { Principal } from '../access/principal.ts'
import { ServiceError } from '../errors.ts'
import type { Services } from '../services.ts'
import { findSigningKeyUsage } from '../usage/queries.ts'
import { findAuthenticatedVerifiers } from '../verifiers/queries.ts'
import { readRing } from './queries.ts'
import { allSeries, findKey, historyOf, keysOf, ringOf } from './ring.ts'
import { type WithReadiness, withReadiness } from './verifier-readiness-view.ts'
import { type SigningKeyDetail, type SigningKeyView, signingKeyActivations, signingKeyView } from './view.ts'

type ReadServices = Pick<Services, 'db' | 'now' | 'config'>

/**
 * All keys that ever existed, by purpose and algorithm, oldest first, with all past and future times. For pending token
 * keys it includes which verifiers hold them.
 */
export async function listSigningKeys(
  services: ReadServices,
  actor: Principal,
): Promise<WithReadiness<SigningKeyView>[]> {
  requireServiceWide(actor, 'signing_keys.read')
  const { db, config } = services
  const rows = await readRing(db)
  if (!rows) return []
  const kids = rows.keys.map(({ kid }) => kid)
  const usage = new Map((await findSigningKeyUsage(db, kids)).map((row) => [row.kid, row]))
  const ring = ringOf(rows, config)
  const now = services.now()
  const seen = await findAuthenticatedVerifiers(db, now)
  return allSeries(ring).flatMap((series) =>
    keysOf(ring, series)
      .map((key) => signingKeyView(ring, key, now, usage.get(key.kid)))
      .sort((a, b) => a.version - b.version)
      .map((view) => withReadiness(view, seen, now)),
  )
}

/** One key with its whole history: for each activation, when it was decided, by whom and why. Throws `not_found`. */
export async function showSigningKey(
  services: ReadServices,
  actor: Principal,
  kid: string,
): Promise<WithReadiness<SigningKeyDetail>> {
  requireServiceWide(actor, 'signing_keys.read')
  const { db, config } = services
  const rows = await readRing(db)
  const ring = rows && ringOf(rows, config)
  const key = ring && findKey(ring, kid)
  if (!key) throw new ServiceError('not_found')
  const [usage] = await findSigningKeyUsage(db, [kid])
  const now = services.now()
  const activations = signingKeyActivations(historyOf(rows, key), kid, now)
  const detail = { ...signingKeyView(ring, key, now, usage), activations }
  return withReadiness(detail, await findAuthenticatedVerifiers(db, now), now)
}
