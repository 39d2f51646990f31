import type { Db } from '../db/database.ts'
import type { Services } from '../services.ts'
import { planNext } from './plan.ts'
import { advanceRingGeneration, insertActivation } from './queries.ts'
import { keyPurposes } from './ring.ts'
import { publishKey } from './ring-change.ts'
import { generateSealedKey } from './sealed-key.ts'
import { defaultAlgorithm } from './signer.ts'

/**
 * Creates the ring, as part of bootstrap. Each purpose gets an active key of the default algorithm and a published
 * pending key, whose activation is planned for the end of the rotation interval. The caller holds the bootstrap lock;
 * fails if a ring exists.
 */
export async function createSigningKeys(
  tx: Db,
  services: Pick<Services, 'config' | 'keyEncryption'>,
  now: Date,
  actor: string,
): Promise<void> {
  const change = { tx, now, config: services.config }
  for (const purpose of keyPurposes) {
    const series = { algorithm: defaultAlgorithm, purpose }
    const first = await generateSealedKey(services, series)
    await publishKey(change, first, actor)
    const activation = { sequence: 1, kid: first.kid, activatesAt: now, createdAt: now }
    await insertActivation(tx, { ...series, ...activation, actor, reason: 'first start' })
    await planNext(change, series, await generateSealedKey(services, series), actor)
  }
  await advanceRingGeneration(tx)
}
