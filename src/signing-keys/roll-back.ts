import { requireServiceWide } from '../access/authorize.ts'
import type { Principal } from '../access/principal.ts'
import { ServiceError } from '../errors.ts'
import { activateNow, activationContext, keyIsRevoked, viewAfter } from './activate.ts'
import { planNext } from './plan.ts'
import { activeKid, findKey, type KeySeries, lifecycleOf, periodsOf, type Ring, type RingKey } from './ring.ts'
import { changeRing, type RingServices, readSnapshot, type SeriesInput } from './ring-change.ts'
import { generateSealedKey } from './sealed-key.ts'
import { defaultAlgorithm } from './signer.ts'
import type { SigningKeyView } from './view.ts'

/**
 * Makes the previously active key sign again, immediately: every verifier still holds it. Throws `conflict` if no key
 * signed before, or if the previous key was revoked or is not published any more.
 */
export async function rollbackSigningKey(
  services: RingServices,
  actor: Principal,
  { purpose, algorithm = defaultAlgorithm, reason = 'rolled back' }: SeriesInput & { reason?: string | undefined },
): Promise<SigningKeyView> {
  requireServiceWide(actor, 'signing_keys.rotate')
  const series = { algorithm, purpose }
  const prepared = await generateSealedKey(services, series)
  return await changeRing(services, actor, 'signing_keys.rotate', series, async (change) => {
    const { ring } = await readSnapshot(change)
    const previous = previousKey(ring, series, change.now)
    const activation = await activateNow(change, previous, actor, reason)
    await planNext(change, series, prepared, actor.clientId, activation.activatesAt)
    const context = activationContext(activation, activeKid(ring, series, change.now), [])
    return {
      view: await viewAfter(change, activation),
      event: { type: 'signing_key.rolled_back', subject: previous.kid, reason, context },
    }
  })
}

function previousKey(ring: Ring, series: KeySeries, now: Date): RingKey {
  const active = activeKid(ring, series, now)
  const previous = periodsOf(ring, series).findLast(({ kid, from }) => from <= now.getTime() && kid !== active)
  const key = findKey(ring, previous?.kid)
  if (!key) throw new ServiceError('conflict', { detail: 'No other key has signed before the active one.' })
  const { state } = lifecycleOf(ring, key, now)
  if (state === 'revoked') throw keyIsRevoked()
  if (state !== 'retiring') {
    throw new ServiceError('conflict', {
      detail: 'The previous key is no longer published: verifiers do not hold it. Rotate to the next key instead.',
    })
  }
  return key
}
