import { and, asc, count, desc, eq, gt, gte, lt, lte, or, type SQL } from 'drizzle-orm'
import type { Within } from '../access/authorize.ts'
import { organizationWithin } from '../access/queries.ts'
import type { Db } from '../db/database.ts'
import { auditChain, auditCheckpoints, auditEvents } from '../db/schema.ts'
import type { ChainLink, TrailEvent } from './chain.ts'

export type AuditEventRow = typeof auditEvents.$inferSelect

export function trailEvent({
  sequence,
  id,
  occurredAt,
  ...row
}: AuditEventRow): TrailEvent & { result: AuditEventRow['result'] } {
  return { sequence, id, occurredAt: occurredAt.toISOString(), ...row }
}

/** Which events: those within reach that match all given filters. */
export type AuditEventFilter = {
  readonly type?: string | undefined
  readonly actor?: string | undefined
  readonly subject?: string | undefined
  readonly organizationId?: string | undefined
  readonly result?: 'success' | 'refused' | undefined
  /** Inclusive. */
  readonly from?: Date | undefined
  /** Exclusive. */
  readonly to?: Date | undefined
}

/** Newest first, at most `limit`, only sequences before `before`. */
export async function selectAuditEvents(
  db: Db,
  where: { within: Within; filter: AuditEventFilter; before: number | undefined; limit: number },
): Promise<AuditEventRow[]> {
  const before = where.before === undefined ? undefined : lt(auditEvents.sequence, where.before)
  return await db
    .select()
    .from(auditEvents)
    .where(and(isShown(where), before))
    .orderBy(desc(auditEvents.sequence))
    .limit(where.limit)
}

function isShown({ within, filter }: { within: Within; filter: AuditEventFilter }): SQL | undefined {
  const { type, actor, subject, organizationId, result, from, to } = filter
  return and(
    // An event belongs to the caller whose action it reports.
    organizationWithin(auditEvents.organizationId, within, { createdBy: auditEvents.actor }),
    type === undefined ? undefined : eq(auditEvents.type, type),
    actor === undefined ? undefined : eq(auditEvents.actor, actor),
    subject === undefined ? undefined : eq(auditEvents.subject, subject),
    organizationId === undefined ? undefined : eq(auditEvents.organizationId, organizationId),
    result === undefined ? undefined : eq(auditEvents.result, result),
    from === undefined ? undefined : gte(auditEvents.occurredAt, from),
    to === undefined ? undefined : lt(auditEvents.occurredAt, to),
  )
}

/** Whether an event is about the organization, which may be deleted. */
export async function hasEventsAbout(db: Db, organizationId: string): Promise<boolean> {
  const isIt = eq(auditEvents.organizationId, organizationId)
  const [found] = await db.select({ sequence: auditEvents.sequence }).from(auditEvents).where(isIt).limit(1)
  return found !== undefined
}

const isIssuerChange = eq(auditEvents.type, 'service.issuer_changed')

type TrailRow = { link: ChainLink; event: AuditEventRow | null }

/**
 * The chain in order, after one sequence and up to another. `event` is null unless the reader may see it and it matches
 * the filter. Changes of the issuer are always complete: without them nobody could verify the checkpoints.
 */
export async function selectTrail(
  db: Db,
  where: { within: Within; filter: AuditEventFilter; after: number; upTo: number; limit: number },
): Promise<TrailRow[]> {
  const shown = isShown(where)
  const complete = shown && or(shown, isIssuerChange)
  return await db
    .select({ link: auditChain, event: auditEvents })
    .from(auditChain)
    .leftJoin(auditEvents, and(eq(auditEvents.sequence, auditChain.sequence), complete))
    .where(and(gt(auditChain.sequence, where.after), lte(auditChain.sequence, where.upTo)))
    .orderBy(asc(auditChain.sequence))
    .limit(where.limit)
}

/** Undefined before the first event of the chain. */
export async function findChainHead(db: Db): Promise<ChainLink | undefined> {
  const [head] = await db.select().from(auditChain).orderBy(desc(auditChain.sequence)).limit(1)
  return head
}

/** Number of links after one sequence and up to another. */
export async function countLinks(db: Db, { after, upTo }: { after: number; upTo: number }): Promise<number> {
  const [counted] = await db
    .select({ links: count() })
    .from(auditChain)
    .where(and(gt(auditChain.sequence, after), lte(auditChain.sequence, upTo)))
  return counted?.links ?? 0
}

type AuditCheckpointRow = typeof auditCheckpoints.$inferSelect

export async function findLastCheckpoint(db: Db): Promise<AuditCheckpointRow | undefined> {
  const [last] = await db.select().from(auditCheckpoints).orderBy(desc(auditCheckpoints.sequence)).limit(1)
  return last
}

/** In order, after one sequence and up to another. */
export async function selectCheckpoints(
  db: Db,
  { after, upTo }: { after: number; upTo: number },
): Promise<AuditCheckpointRow[]> {
  return await db
    .select()
    .from(auditCheckpoints)
    .where(and(gt(auditCheckpoints.sequence, after), lte(auditCheckpoints.sequence, upTo)))
    .orderBy(asc(auditCheckpoints.sequence))
}

/** If two instances sign for the same event at once, one checkpoint is kept. */
export async function insertCheckpoint(db: Db, checkpoint: AuditCheckpointRow): Promise<void> {
  await db.insert(auditCheckpoints).values(checkpoint).onConflictDoNothing()
}
