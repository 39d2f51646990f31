import { systemPrincipal } from '../access/principal.ts'
import type { AuditEvent } from '../audit/events.ts'
import { appendAuditEvent } from '../audit/queries.ts'
import type { Db } from '../db/database.ts'
import { holdLease, type Lease } from '../db/leases.ts'
import type { Services } from '../services.ts'
import { advanceRingGeneration, insertActivation, lockRing } from './queries.ts'
import { type KeyLine, keyPurposes, linesOf, type Ring, ringOf } from './ring.ts'
import { hasPlan, type Planned, planNext, prepareKey, publishKey, requireRing } from './ring-change.ts'
import { defaultAlgorithm } from './signer.ts'

/**
 * The ring of the first start: for each purpose one active key of the default algorithm and one published pending key, whose activation is
 * written down for the end of the rotation interval. The caller holds the lock of the first start; on a ring that exists it fails.
 */
export async function createSigningKeys(
  tx: Db,
  services: Pick<Services, 'config' | 'keyEncryption'>,
  now: Date,
  actor: string,
): Promise<void> {
  const work = { tx, now, config: services.config }
  for (const purpose of keyPurposes) {
    const line = { algorithm: defaultAlgorithm, purpose }
    const first = await prepareKey(services, line)
    await publishKey(work, first, actor)
    const activation = { sequence: 1, kid: first.kid, activatesAt: now, createdAt: now }
    await insertActivation(tx, { ...line, ...activation, actor, reason: 'first start' })
    await planNext(work, line, await prepareKey(services, line), actor)
  }
  await advanceRingGeneration(tx)
}

/**
 * Sees to it that each line has its next key published and its turn planned: time itself then turns the ring. Costs one read when there is
 * nothing to do. Several at once publish one; a holder of a lease that another one took over meanwhile writes nothing (`LeaseLostError`).
 * All of a line's step is one transaction: whoever dies in the middle of it has done nothing, and the next one does it.
 */
export async function maintainSigningKeys(
  services: Pick<Services, 'config' | 'db' | 'keyEncryption' | 'now'>,
  lease?: Lease,
): Promise<void> {
  const { db, config, now } = services
  for (const line of linesWithoutPlan(ringOf(await requireRing(db), config), now())) {
    const spare = await prepareKey(services, line)
    await db.transaction(async (tx) => {
      await lockRing(tx)
      if (lease) await holdLease(tx, lease)
      const at = now()
      const planned = await planNext({ tx, now: at, config }, line, spare, systemPrincipal.clientId)
      if (!planned) return // somebody else was first
      await advanceRingGeneration(tx)
      await appendAuditEvent(tx, plannedEvent(line, planned), at)
    })
  }
}

/** When maintenance of the ring has something to do next: now when something is due, otherwise at the next turn. */
export async function nextUpkeepAt({ db, config, now }: Pick<Services, 'config' | 'db' | 'now'>): Promise<Date> {
  const at = now()
  const ring = ringOf(await requireRing(db), config)
  if (linesWithoutPlan(ring, at).length > 0) return at
  const turns = [...ring.periods.values()].flatMap((periods) =>
    periods.map(({ from }) => from).filter((from) => from > at.getTime()),
  )
  return new Date(Math.min(...turns))
}

function linesWithoutPlan(ring: Ring, now: Date): readonly KeyLine[] {
  return linesOf(ring).filter((line) => !hasPlan(ring, line, now))
}

function plannedEvent(line: KeyLine, { kid, activatesAt, published }: Planned): AuditEvent {
  const context = { ...line, activatesAt: activatesAt.toISOString() }
  const type = published ? 'signing_key.created' : 'signing_key.planned'
  return { type, actor: systemPrincipal, organizationId: null, subject: kid, context }
}
