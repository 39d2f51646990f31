import { requireServiceWide } from '../access/authorize.ts'
import type { Principal } from '../access/principal.ts'
import { ServiceError } from '../errors.ts'
import { activateChosen, type ForceInput } from './activate.ts'
import { maintainSigningKeys } from './maintenance.ts'
import { nextKey, periodsOf } from './ring.ts'
import { changedConcurrently, changeRing, type RingGate, type RingServices, type SeriesInput } from './ring-change.ts'
import { defaultAlgorithm } from './signer.ts'
import { type RingTrial, tryRing } from './trial.ts'
import type { SigningKeyView } from './view.ts'

/**
 * Activates the next key now, and publishes another key to follow it. Throws `too_early` with the safe time (`safeAt`)
 * while some verifiers may not hold the key yet, unless `force` is set. Throws `not_found` if the ring has no keys of
 * the algorithm. Throws `conflict` if the ring was changed in the meantime, so only one of several concurrent rotations
 * succeeds.
 */
export async function rotateSigningKey(
  services: RingServices,
  actor: Principal,
  input: SeriesInput & ForceInput,
): Promise<SigningKeyView> {
  requireServiceWide(actor, 'signing_keys.rotate')
  await maintainSigningKeys(services)
  return await rotateBy(changeRing, services, actor, input)
}

/** What `rotateSigningKey` would do. Writes nothing. Throws the same. */
export async function tryRotatingSigningKey(
  services: RingServices,
  actor: Principal,
  input: SeriesInput & ForceInput,
): Promise<RingTrial> {
  return await rotateBy(tryRing, services, actor, input)
}

async function rotateBy<Answer>(
  gate: RingGate<SigningKeyView, Answer>,
  services: RingServices,
  actor: Principal,
  { purpose, algorithm = defaultAlgorithm, ...options }: SeriesInput & ForceInput,
): Promise<Answer> {
  requireServiceWide(actor, 'signing_keys.rotate')
  const series = { algorithm, purpose }
  return await activateChosen(gate, services, actor, { ...options, series, verb: 'rotated' }, (ring, now) => {
    if (periodsOf(ring, series).length === 0)
      throw new ServiceError('not_found', {
        detail: 'The ring has no keys of this algorithm. Add the algorithm first.',
      })
    const next = nextKey(ring, series, now)
    if (!next) throw changedConcurrently()
    return next
  })
}
