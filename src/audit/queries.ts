import { and, asc, count, desc, eq, getTableColumns, gt, gte, lt, lte, or, type SQL, sql } from 'drizzle-orm'
import type { Within } from '../access/authorize.ts'
import type { RequestOrigin } from '../access/principal.ts'
import { organizationWithin } from '../access/queries.ts'
import { newId } from '../crypto/random.ts'
import type { Db } from '../db/database.ts'
import { auditChain, auditCheckpoints, auditEvents } from '../db/schema.ts'
import { type ChainLink, chainHash, genesisHash, type TrailEvent, toldEvent } from './chain.ts'
import { type AuditEventOf, type AuditEventType, auditResult } from './events.ts'

type AuditEventRow = typeof auditEvents.$inferSelect

/** Limits what a caller can say about itself, so that nobody fills the trail with a header. */
const longestAgent = 256

/** The largest value of PostgreSQL's integer: a clock that was set must not stop the trail. */
const longestDuration = 2 ** 31 - 1

/**
 * Appends the event as the next link of the chain. Make it the last statement of the transaction: it takes the chain's
 * lock, and every other transaction with an event waits until this one ends. If the event cannot be written, the whole
 * transaction fails.
 */
export async function appendAuditEvent<Type extends AuditEventType>(
  tx: Db,
  event: AuditEventOf<Type>,
  now: Date,
): Promise<ChainLink> {
  await lockChain(tx)
  const { origin } = event.actor
  // A statement after the lock's: it sees what the previous transaction committed.
  const [appended] = await tx
    .insert(auditEvents)
    .values({
      sequence: sql`greatest(${lastLink}, (select coalesce(max(sequence), 0) from ${auditEvents})) + 1`,
      id: newId('evt'),
      occurredAt: now,
      type: event.type,
      result: auditResult(event),
      actor: event.actor.clientId,
      organizationId: event.organizationId,
      subject: storable(event.subject),
      reason: storable(event.reason ?? null),
      address: origin.address,
      agent: storable(origin.agent?.slice(0, longestAgent) ?? null),
      requestId: origin.requestId,
      durationMilliseconds: durationOf(origin, now),
      context: { ...event.context },
    })
    .returning({
      ...getTableColumns(auditEvents),
      previous: lastLink.mapWith(Number),
      previousHash: sql<string | null>`(select hash from ${auditChain} order by sequence desc limit 1)`,
    })
  if (!appended) throw new Error('the database gave no event back')
  const { previous, previousHash, ...row } = appended
  const head = { sequence: previous, hash: previousHash ?? genesisHash }
  return row.sequence === previous + 1 ? await link(tx, head.hash, row) : await linkAll(tx, head)
}

const lastLink = sql<number>`(select coalesce(max(sequence), 0) from ${auditChain})`

/** Nobody else appends to the chain until this transaction ends. */
async function lockChain(tx: Db): Promise<void> {
  await tx
    .select({ locked: sql`pg_advisory_xact_lock(hashtextextended('mintage audit chain', 0))` })
    .from(sql`(select 1) as one`)
}

/** Links every event after the head, in their order: those from before the chain existed, and the new one last. */
async function linkAll(tx: Db, head: { sequence: number; hash: string }): Promise<ChainLink> {
  const rows = await tx
    .select()
    .from(auditEvents)
    .where(gt(auditEvents.sequence, head.sequence))
    .orderBy(asc(auditEvents.sequence))
  let last: ChainLink | undefined
  for (const row of rows) last = await link(tx, last?.hash ?? head.hash, row)
  if (!last) throw new Error('the new event is not after the end of the chain')
  return last
}

/** Hashes what the database returned, not what was sent to it. */
async function link(tx: Db, previousHash: string, row: AuditEventRow): Promise<ChainLink> {
  const appended = {
    sequence: row.sequence,
    previousHash,
    hash: await chainHash(previousHash, toldEvent(trailEvent(row))),
  }
  await tx.insert(auditChain).values(appended)
  return appended
}

export function trailEvent({
  sequence,
  id,
  occurredAt,
  ...row
}: AuditEventRow): TrailEvent & { result: AuditEventRow['result'] } {
  return { sequence, id, occurredAt: occurredAt.toISOString(), ...row }
}

/**
 * PostgreSQL stores no NUL and no half of a surrogate pair, and drivers differ in whether they give a byte order mark
 * back: a caller must neither keep an event out of the trail nor make it look changed.
 */
function storable(text: string | null): string | null {
  return text === null ? null : text.replaceAll(/[\0\ufeff]/g, '\ufffd').toWellFormed()
}

function durationOf({ receivedAt }: RequestOrigin, now: Date): number | null {
  if (!receivedAt) return null
  return Math.min(Math.max(0, now.getTime() - receivedAt.getTime()), longestDuration)
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
