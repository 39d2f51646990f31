import { systemPrincipal } from '../access/principal.ts'
import { appendAuditEvent } from '../audit/append-queries.ts'
import type { AuditEvent } from '../audit/events.ts'
import { holdLease, type Lease } from '../db/leases.ts'
import type { Services } from '../services.ts'
import { hasPlan, type PlannedActivation, planNext } from './plan.ts'
import { advanceRingGeneration, lockRing, requireRing } from './queries.ts'
import { allSeries, type KeySeries, type Ring, ringOf } from './ring.ts'
import { generateSealedKey } from './sealed-key.ts'

/**
 * Makes sure that each series has its next key published and its activation planned. After that, keys rotate by time
 * alone. If there is nothing to do, it costs one read. If several runs are concurrent, only one publishes. A run whose
 * lease was taken over by another instance writes nothing (`LeaseLostError`). Each series is one transaction: if a run
 * is killed, the next one continues where it stopped.
 */
export async function maintainSigningKeys(
  services: Pick<Services, 'config' | 'db' | 'keyEncryption' | 'now'>,
  lease?: Lease,
): Promise<void> {
  const { db, config, now } = services
  for (const series of unplannedSeries(ringOf(await requireRing(db), config), now())) {
    const prepared = await generateSealedKey(services, series)
    await db.transaction(async (tx) => {
      await lockRing(tx)
      if (lease) await holdLease(tx, lease)
      const at = now()
      const planned = await planNext({ tx, now: at, config }, series, prepared, systemPrincipal.clientId)
      if (!planned) return // another run planned it meanwhile
      await advanceRingGeneration(tx)
      await appendAuditEvent(tx, plannedEvent(series, planned), at)
    })
  }
}

/** When the ring next needs maintenance: now if an activation is missing, otherwise at the next activation. */
export async function nextMaintenanceAt({ db, config, now }: Pick<Services, 'config' | 'db' | 'now'>): Promise<Date> {
  const at = now()
  const ring = ringOf(await requireRing(db), config)
  if (unplannedSeries(ring, at).length > 0) return at
  const activations = [...ring.periods.values()].flatMap((periods) =>
    periods.map(({ from }) => from).filter((from) => from > at.getTime()),
  )
  return new Date(Math.min(...activations))
}

function unplannedSeries(ring: Ring, now: Date): readonly KeySeries[] {
  return allSeries(ring).filter((series) => !hasPlan(ring, series, now))
}

function plannedEvent(series: KeySeries, { kid, activatesAt, published }: PlannedActivation): AuditEvent {
  const context = { ...series, activatesAt: activatesAt.toISOString() }
  const type = published ? 'signing_key.created' : 'signing_key.planned'
  return { type, actor: systemPrincipal, organizationId: null, subject: kid, context }
}
