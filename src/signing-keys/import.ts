import { requireServiceWide } from '../access/authorize.ts'
import type { Principal } from '../access/principal.ts'
import { invalidRequest, ServiceError } from '../errors.ts'
import type { Services } from '../services.ts'
import { publishedKey } from './add.ts'
import { type ForeignKey, readForeignKey } from './foreign-key.ts'
import { activationSafeAt } from './lifecycle.ts'
import { findSigningKey } from './queries.ts'
import { type KeySeries, periodsOf } from './ring.ts'
import {
  appendActivation,
  changeRing,
  publishKey,
  type RingChange,
  type RingServices,
  readSnapshot,
} from './ring-change.ts'
import { sealKey } from './sealed-key.ts'
import type { Algorithm, KeyPurpose } from './signer.ts'
import type { SigningKeyView } from './view.ts'

/**
 * Imports a private key that was created elsewhere. It is sealed and published as pending. It is activated at the time
 * planned for the next key, but never before its safe time. The key that was next stays pending and comes after it.
 *
 * Throws `invalid_request` for a key that cannot be used (`readForeignKey`). Throws `conflict` for a key that is or was
 * in the ring, in any state: a kid is never used twice.
 */
export async function importSigningKey(
  services: RingServices & Pick<Services, 'platform'>,
  actor: Principal,
  { key, purpose, algorithm }: { key: ForeignKey; purpose: KeyPurpose; algorithm?: Algorithm | undefined },
): Promise<SigningKeyView> {
  requireServiceWide(actor, 'signing_keys.import')
  const read = await readForeignKey(key, algorithm, services.platform)
  if (purpose === 'record' && read.algorithm !== 'ES256') throw invalidRequest('A record key must be an ES256 key.')
  const series = { algorithm: read.algorithm, purpose }
  const sealed = await sealKey(services, series, read.pair, 'imported')
  return await changeRing(services, actor, 'signing_keys.import', series, async (change) => {
    if (await findSigningKey(change.tx, sealed.kid))
      throw new ServiceError('conflict', { detail: 'This key is or was in the ring already. Import another one.' })
    await publishKey(change, sealed, actor.clientId)
    const wanted = await activationOfNext(change, series)
    await appendActivation(change, series, { kid: sealed.kid, wanted, actor: actor.clientId, reason: 'imported' })
    return await publishedKey(change, sealed, 'signing_key.imported')
  })
}

/** The time at which a key published now can be activated instead of the next key. */
async function activationOfNext(change: RingChange, series: KeySeries): Promise<Date> {
  const { ring } = await readSnapshot(change)
  const safeAt = activationSafeAt({ publishedAt: change.now }, ring.timing)
  const planned = periodsOf(ring, series).find(({ from }) => from > change.now.getTime())
  return new Date(Math.max(planned?.from ?? 0, safeAt.getTime()))
}
