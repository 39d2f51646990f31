import { systemPrincipal } from '../access/principal.ts'
import { ServiceError } from '../errors.ts'
import { findAuthenticatedVerifiers } from '../verifiers/queries.ts'
import type { VerifierSighting } from '../verifiers/sighting.ts'
import { activationContext } from './activate.ts'
import { planNext } from './plan.ts'
import { readRing } from './queries.ts'
import { activeKid, allSeries, type KeySeries, lifecycleOf, nextKey, type Ring, type RingKey, ringOf } from './ring.ts'
import { appendActivation, changeRing, type RingServices, readSnapshot } from './ring-change.ts'
import { generateSealedKey } from './sealed-key.ts'
import { bringForwardFrom, verifierReadiness } from './verifier-readiness.ts'

/**
 * Part of maintenance: activates the next token key before its planned time, once every known verifier holds it. Never
 * before the safe time, and only in the window before the planned time (`bringForwardFrom`). If a verifier is absent,
 * the key is still activated as planned. If several runs are concurrent, only one activates the key. Returns the kids
 * that were activated.
 */
export async function bringForwardWhenReady(services: RingServices): Promise<string[]> {
  const { db, config, now } = services
  const rows = await readRing(db)
  if (!rows) return []
  const ring = ringOf(rows, config)
  const due = allSeries(ring).filter((series) => series.purpose === 'token' && keyInWindow(ring, series, services))
  if (due.length === 0) return []
  const verifiers = await findAuthenticatedVerifiers(db, now())
  const activated: string[] = []
  for (const series of due) {
    const key = readyKey(ring, series, services, verifiers)
    const kid = key && (await bringForward(services, series, verifiers))
    if (kid !== undefined) activated.push(kid)
  }
  return activated
}

async function bringForward(
  services: RingServices,
  series: KeySeries,
  verifiers: readonly VerifierSighting[],
): Promise<string | undefined> {
  const prepared = await generateSealedKey(services, series)
  const actor = systemPrincipal
  const activation = changeRing(services, actor, 'signing_keys.rotate', series, async (change) => {
    const { ring } = await readSnapshot(change)
    const key = readyKey(ring, series, { ...services, now: () => change.now }, verifiers)
    if (!key) throw new ServiceError('conflict')
    const { kid } = key
    const reason = `held by all known verifiers (${verifierReadiness(verifiers, kid, change.now).known})`
    const next = await appendActivation(change, series, { kid, wanted: change.now, actor: actor.clientId, reason })
    await planNext(change, series, prepared, actor.clientId, next.activatesAt)
    const context = { ...activationContext(next, activeKid(ring, series, change.now), []), forced: false }
    return { view: kid, event: { type: 'signing_key.activated', subject: kid, reason, context } }
  })
  return await activation.catch((error: unknown) => {
    if (error instanceof ServiceError && error.code === 'conflict') return undefined // somebody else changed the ring
    throw error
  })
}

type WindowServices = Pick<RingServices, 'config' | 'now'>

function readyKey(
  ring: Ring,
  series: KeySeries,
  services: WindowServices,
  verifiers: readonly VerifierSighting[],
): RingKey | undefined {
  const key = keyInWindow(ring, series, services)
  return key && verifierReadiness(verifiers, key.kid, services.now()).safeToBringForward ? key : undefined
}

/** The next key of the series, if its planned activation is in the future and may be brought forward to now. */
function keyInWindow(ring: Ring, series: KeySeries, { config, now }: WindowServices): RingKey | undefined {
  const at = now()
  const key = nextKey(ring, series, at)
  if (!key) return undefined
  const { activatesAt, safeAt } = lifecycleOf(ring, key, at)
  if (!activatesAt || activatesAt <= at) return undefined
  const { rotateEverySeconds } = config
  return bringForwardFrom({ activatesAt, safeAt, rotateEverySeconds }) <= at ? key : undefined
}
