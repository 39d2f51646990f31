import { systemPrincipal } from '../access/principal.ts'
import { appendAuditEvent } from '../audit/queries.ts'
import { kekIdOf } from '../crypto/envelope.ts'
import { ServiceError } from '../errors.ts'
import type { Services } from '../services.ts'
import { advanceRingGeneration, lockRing, markSigningKeyRevoked } from '../signing-keys/queries.ts'
import { activeKey, type KeyLine, linesOf, ringOf } from '../signing-keys/ring.ts'
import {
  appendActivation,
  planNext,
  prepareKey,
  publishKey,
  requireRing,
  sightOf,
} from '../signing-keys/ring-change.ts'

export type Abandoned = {
  /** Kids of the keys that nobody can open any more. */
  revoked: readonly string[]
  /** Kids of the keys that sign in their place. */
  activated: readonly string[]
}

/**
 * For a KEK that is lost for good, where the service cannot start: every key that it sealed is revoked, and a fresh one, sealed by the KEK
 * that is configured now, signs in the place of each that was active. All in one transaction. Tokens under a revoked kid die when
 * verifiers fetch the key set again; no revocation rule is made, for nothing leaked. Throws `conflict` for a KEK that is configured, or
 * that sealed no key which is not revoked.
 */
export async function abandonKek(
  services: Pick<Services, 'config' | 'db' | 'keyEncryption' | 'now'>,
  kekId: string,
): Promise<Abandoned> {
  const { config, db, keyEncryption } = services
  if (await keyEncryption.holds(kekId))
    throw new ServiceError('conflict', { detail: 'This KEK is configured: what it sealed can be opened.' })
  const lines = linesOf(ringOf(await requireRing(db), config))
  const fresh = await Promise.all(lines.map(async (line) => ({ line, keys: await prepareTwo(services, line) })))
  return await db.transaction(async (tx) => {
    await lockRing(tx)
    const work = { tx, now: services.now(), config }
    const actor = systemPrincipal.clientId
    const { rows, ring } = await sightOf(work)
    const lost = rows.keys
      .filter(({ revokedAt, sealedPrivateKey }) => !revokedAt && kekIdOf(sealedPrivateKey) === kekId)
      .map(({ kid }) => kid)
    if (lost.length === 0)
      throw new ServiceError('conflict', { detail: 'No key that is not revoked was sealed with a KEK of this id.' })
    const activated: string[] = []
    for (const kid of lost) await markSigningKeyRevoked(tx, { kid, by: actor, reason: 'its KEK was lost' }, work.now)
    for (const { line, keys } of fresh) {
      const active = activeKey(ring, line, work.now)
      let turnedAt = work.now
      if (active && lost.includes(active.kid)) {
        await publishKey(work, keys.next, actor)
        const turn = { kid: keys.next.kid, wanted: work.now, actor, reason: 'the KEK of the key before was lost' }
        turnedAt = (await appendActivation(work, line, turn)).activatesAt
        activated.push(keys.next.kid)
      }
      await planNext(work, line, keys.spare, actor, turnedAt)
    }
    await advanceRingGeneration(tx)
    const context = { revoked: lost, activated }
    await appendAuditEvent(
      tx,
      { type: 'kek.abandoned', actor: systemPrincipal, organizationId: null, subject: kekId, context },
      work.now,
    )
    return { revoked: lost, activated }
  })
}

async function prepareTwo(services: Pick<Services, 'keyEncryption'>, line: KeyLine) {
  const [next, spare] = await Promise.all([prepareKey(services, line), prepareKey(services, line)])
  return { next, spare }
}
