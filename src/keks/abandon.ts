import { systemPrincipal } from '../access/principal.ts'
import { appendAuditEvent } from '../audit/append-queries.ts'
import { kekIdOf } from '../crypto/envelope.ts'
import type { Db } from '../db/database.ts'
import { tryInTransaction } from '../db/trial.ts'
import { ServiceError } from '../errors.ts'
import type { Services } from '../services.ts'
import { planNext } from '../signing-keys/plan.ts'
import { advanceRingGeneration, lockRing, markSigningKeyRevoked, requireRing } from '../signing-keys/queries.ts'
import { activeKey, allSeries, type KeySeries, ringOf } from '../signing-keys/ring.ts'
import { appendActivation, publishKey, readSnapshot } from '../signing-keys/ring-change.ts'
import { generateSealedKey } from '../signing-keys/sealed-key.ts'

export type Abandoned = {
  /** Kids of the keys that can no longer be opened. */
  revoked: readonly string[]
  /** Kids of the keys that replace them and sign now. */
  activated: readonly string[]
}

/**
 * For a KEK that is lost for good, when the service cannot start. Revokes every key that it sealed. Replaces each
 * active one with a new key sealed by the configured KEK, all in one transaction. Tokens under a revoked kid are
 * refused once verifiers fetch the key set again. No revocation rule is added, because nothing leaked. Throws
 * `conflict` if the KEK is configured, or if every key that it sealed is already revoked. A `dryRun` writes nothing.
 */
export async function abandonKek(
  services: Pick<Services, 'config' | 'db' | 'keyEncryption' | 'now'>,
  kekId: string,
  { dryRun = false } = {},
): Promise<Abandoned> {
  const { config, db, keyEncryption } = services
  if (await keyEncryption.holds(kekId))
    throw new ServiceError('conflict', {
      detail: 'This KEK is configured: the keys that it sealed can still be opened.',
    })
  const series = allSeries(ringOf(await requireRing(db), config))
  const prepared = await Promise.all(series.map((each) => prepareTwo(services, each)))
  const abandon = async (tx: Db): Promise<Abandoned> => {
    await lockRing(tx)
    const change = { tx, now: services.now(), config }
    const actor = systemPrincipal.clientId
    const { rows, ring } = await readSnapshot(change)
    const lost = rows.keys
      .filter(({ revokedAt, sealedPrivateKey }) => !revokedAt && kekIdOf(sealedPrivateKey) === kekId)
      .map(({ kid }) => kid)
    if (lost.length === 0)
      throw new ServiceError('conflict', {
        detail: 'This KEK did not seal any key, or only keys that are already revoked.',
      })
    const activated: string[] = []
    for (const kid of lost) await markSigningKeyRevoked(tx, { kid, by: actor, reason: 'its KEK was lost' }, change.now)
    for (const { series, active, pending } of prepared) {
      const before = activeKey(ring, series, change.now)
      let activatedAt = change.now
      if (before && lost.includes(before.kid)) {
        await publishKey(change, active, actor)
        const reason = 'the KEK of the previous key was lost'
        const activation = { kid: active.kid, wanted: change.now, actor, reason }
        activatedAt = (await appendActivation(change, series, activation)).activatesAt
        activated.push(active.kid)
      }
      await planNext(change, series, pending, actor, activatedAt)
    }
    await advanceRingGeneration(tx)
    const context = { revoked: lost, activated }
    await appendAuditEvent(
      tx,
      { type: 'kek.abandoned', actor: systemPrincipal, organizationId: null, subject: kekId, context },
      change.now,
    )
    return { revoked: lost, activated }
  }
  const transaction: Services['transaction'] = (work) => db.transaction(work)
  return dryRun ? await tryInTransaction(transaction, abandon) : await transaction(abandon)
}

async function prepareTwo(services: Pick<Services, 'keyEncryption'>, series: KeySeries) {
  const [active, pending] = await Promise.all([
    generateSealedKey(services, series),
    generateSealedKey(services, series),
  ])
  return { series, active, pending }
}
