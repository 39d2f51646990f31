import { and, asc, desc, gt, lt, sql } from 'drizzle-orm'
import type { Within } from '../access/authorize.ts'
import type { RequestOrigin } from '../access/principal.ts'
import { organizationWithin } from '../access/queries.ts'
import { newId } from '../crypto/random.ts'
import type { Db } from '../db/database.ts'
import { auditChain, auditEvents } from '../db/schema.ts'
import { type ChainLink, chainHash, genesisHash, type TrailEvent } from './chain.ts'
import { type AuditEvent, auditResult } from './events.ts'

export type AuditEventRow = typeof auditEvents.$inferSelect

/** What a caller can say about itself is bounded, so that nobody fills the trail with a header. */
const longestAgent = 256

/** The largest value of PostgreSQL's integer: a clock that was set must not stop the trail. */
const longestDuration = 2 ** 31 - 1

/**
 * Writes the event as the next link of the chain. The last statement of the transaction that it tells of: it takes the chain's lock,
 * which everybody else who has something to tell waits for until this transaction ends. If it cannot be written, nothing happened.
 */
export async function appendAuditEvent(tx: Db, event: AuditEvent, now: Date): Promise<ChainLink> {
  const head = await lockChain(tx)
  const { origin } = event.actor
  const [row] = await tx
    .insert(auditEvents)
    .values({
      sequence: head.sequence + 1,
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
    .returning()
  if (!row) throw new Error('the database gave no event back')
  return await link(tx, head.hash, row)
}

/** Where the chain ends, as other transactions left it: nobody else appends until this one ends. */
async function lockChain(tx: Db): Promise<{ sequence: number; hash: string }> {
  // A statement of its own: the next one must see what the transaction before committed.
  await tx.select({ locked: sql`pg_advisory_xact_lock(hashtextextended('mintage audit chain', 0))` }).from(sql`(select 1) as one`)
  const [found] = await tx
    .select({
      sequence: sql<number | null>`(select max(sequence) from ${auditChain})`.mapWith(Number),
      hash: sql<string | null>`(select hash from ${auditChain} order by sequence desc limit 1)`,
      lastEvent: sql<number | null>`(select max(sequence) from ${auditEvents})`.mapWith(Number),
    })
    .from(sql`(select 1) as one`)
  const head = { sequence: found?.sequence ?? 0, hash: found?.hash ?? genesisHash }
  return (found?.lastEvent ?? 0) > head.sequence ? await linkEarlier(tx, head) : head
}

/** Events from before there was a chain become its first links, in their order. */
async function linkEarlier(tx: Db, head: { sequence: number; hash: string }): Promise<{ sequence: number; hash: string }> {
  const rows = await tx.select().from(auditEvents).where(gt(auditEvents.sequence, head.sequence)).orderBy(asc(auditEvents.sequence))
  let last = head
  for (const row of rows) last = await link(tx, last.hash, row)
  return last
}

/** Hashes what the database gave back, not what it was given. */
async function link(tx: Db, previousHash: string, row: AuditEventRow): Promise<ChainLink> {
  const appended = { sequence: row.sequence, previousHash, hash: await chainHash(previousHash, trailEvent(row)) }
  await tx.insert(auditChain).values(appended)
  return appended
}

export function trailEvent({ occurredAt, ...row }: AuditEventRow): TrailEvent {
  return { ...row, occurredAt: occurredAt.toISOString() }
}

/** PostgreSQL stores no NUL and no half of a surrogate pair: a caller must not keep an event out of the trail by sending one. */
function storable(text: string | null): string | null {
  return text === null ? null : text.replaceAll('\0', '\ufffd').toWellFormed()
}

function durationOf({ receivedAt }: RequestOrigin, now: Date): number | null {
  if (!receivedAt) return null
  return Math.min(Math.max(0, now.getTime() - receivedAt.getTime()), longestDuration)
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
