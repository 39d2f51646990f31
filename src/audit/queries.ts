import { and, desc, lt } from 'drizzle-orm'
import type { Within } from '../access/authorize.ts'
import { organizationWithin } from '../access/queries.ts'
import { newId } from '../crypto/random.ts'
import type { Db } from '../db/database.ts'
import { auditEvents } from '../db/schema.ts'
import { type AuditEvent, auditResult } from './events.ts'

export type AuditEventRow = typeof auditEvents.$inferSelect

/** What a caller can say about itself is bounded, so that nobody fills the trail with a header. */
const longestAgent = 256

/** Writes the event. The last statement of the transaction that it tells of: if it cannot be written, nothing happened. */
export async function appendAuditEvent(tx: Db, event: AuditEvent, now: Date): Promise<void> {
  const { origin } = event.actor
  await tx.insert(auditEvents).values({
    id: newId('evt'),
    occurredAt: now,
    type: event.type,
    result: auditResult(event),
    actor: event.actor.clientId,
    organizationId: event.organizationId,
    subject: event.subject,
    reason: event.reason ?? null,
    address: origin.address,
    agent: origin.agent?.slice(0, longestAgent) ?? null,
    requestId: origin.requestId,
    context: { ...event.context },
  })
}

/** Newest first, at most `limit`, only sequences before `before`. */
export async function selectAuditEvents(
  db: Db,
  where: { within: Within; before: number | undefined; limit: number },
): Promise<AuditEventRow[]> {
  return await db
    .select()
    .from(auditEvents)
    .where(
      and(
        organizationWithin(auditEvents.organizationId, where.within),
        where.before === undefined ? undefined : lt(auditEvents.sequence, where.before),
      ),
    )
    .orderBy(desc(auditEvents.sequence))
    .limit(where.limit)
}
