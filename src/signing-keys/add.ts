import { requireServiceWide } from '../access/authorize.ts'
import type { Change } from '../access/change.ts'
import type { Principal } from '../access/principal.ts'
import { ServiceError } from '../errors.ts'
import { planNext } from './plan.ts'
import { type KeySeries, periodsOf } from './ring.ts'
import { changeRing, type RingChange, type RingServices, readChangedKey, readSnapshot } from './ring-change.ts'
import { generateSealedKey, type SealedKey } from './sealed-key.ts'
import type { Algorithm } from './signer.ts'
import { type SigningKeyView, signingKeyView } from './view.ts'

/**
 * Creates the first key of another algorithm. It is published now and active from its safe time on. Until then no token
 * is signed by that algorithm. Throws `conflict` if the ring already has keys of that algorithm.
 */
export async function addSigningKey(
  services: RingServices,
  actor: Principal,
  { algorithm }: { algorithm: Algorithm },
): Promise<SigningKeyView> {
  requireServiceWide(actor, 'signing_keys.add') // before a key is generated
  const series: KeySeries = { algorithm, purpose: 'token' }
  const key = await generateSealedKey(services, series)
  return await changeRing(services, actor, 'signing_keys.add', series, async (change) => {
    const { ring } = await readSnapshot(change)
    if (periodsOf(ring, series).length > 0) {
      throw new ServiceError('conflict', {
        detail:
          'The ring already has keys of this algorithm. They rotate automatically; rotate them by hand if needed.',
      })
    }
    await planNext(change, series, key, actor.clientId)
    return await publishedKey(change, key, 'signing_key.added')
  })
}

/** The view and the audit event of a key that this change published. */
export async function publishedKey(
  change: RingChange,
  { kid, algorithm, purpose }: SealedKey,
  type: 'signing_key.added' | 'signing_key.imported',
): Promise<Change<SigningKeyView>> {
  const { ring, key } = await readChangedKey(change, kid)
  const view = signingKeyView(ring, key, change.now, undefined)
  const context = { purpose, algorithm, activatesAt: view.activatesAt ?? view.safeAt }
  return { view, event: { type, subject: kid, context } }
}
