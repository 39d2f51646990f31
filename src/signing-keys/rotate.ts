import { requireServiceWide } from '../access/authorize.ts'
import type { Principal } from '../access/principal.ts'
import { ServiceError } from '../errors.ts'
import { activateChosen, type ForceInput } from './activate.ts'
import { maintainSigningKeys } from './maintenance.ts'
import { nextKey, periodsOf } from './ring.ts'
import { changedConcurrently, type RingServices, type SeriesInput } from './ring-change.ts'
import { defaultAlgorithm } from './signer.ts'
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
  { purpose, algorithm = defaultAlgorithm, ...options }: SeriesInput & ForceInput,
): Promise<SigningKeyView> {
  requireServiceWide(actor, 'signing_keys.rotate')
  await maintainSigningKeys(services)
  const series = { algorithm, purpose }
  return await activateChosen(services, actor, series, options, 'rotated', (ring, now) => {
    if (periodsOf(ring, series).length === 0)
      throw new ServiceError('not_found', {
        detail: 'The ring has no keys of this algorithm. Add the algorithm first.',
      })
    const next = nextKey(ring, series, now)
    if (!next) throw changedConcurrently()
    return next
  })
}
