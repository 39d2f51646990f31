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
 * The next key signs from now on, and another one is published after it. Throws `too_early` with the safe time
 * (`safeAt`) while verifiers may not hold the key yet, unless `force` is set. Throws `not_found` for an algorithm that
 * the ring has no keys of, and `conflict` when somebody else changed the ring meanwhile: of several concurrent
 * rotations one wins.
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
