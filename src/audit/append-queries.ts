import { asc, getTableColumns, gt, sql } from 'drizzle-orm'
import type { RequestOrigin } from '../access/principal.ts'
import { newId } from '../crypto/random.ts'
import { changeLock, takeChangeLock } from '../db/change-locks.ts'
import type { Db } from '../db/database.ts'
import { auditChain, auditEvents } from '../db/schema.ts'
import { type ChainLink, chainHash, genesisHash, toldEvent } from './chain.ts'
import { type AuditEvent, auditResult } from './events.ts'
import { type AuditEventRow, trailEvent } from './queries.ts'

/** Limits what a caller can say about itself, so that nobody fills the trail with a header. */
const longestAgent = 256

/** The largest value of PostgreSQL's integer: a clock that was set must not stop the trail. */
const longestDuration = 2 ** 31 - 1

/**
 * Appends the event as the next link of the chain. Make it the last change of the transaction: it locks the end of the
 * chain, and every other transaction with an event waits until this one ends. If the event cannot be written, the whole
 * transaction fails.
 */
export async function appendAuditEvent(tx: Db, event: AuditEvent, now: Date): Promise<ChainLink> {
  const [appended] = await appendAuditEvents(tx, [event], now)
  if (!appended) throw new Error('the event was not linked')
  return appended
}

/** As `appendAuditEvent`, in this order: two statements for one event, and three for more. */
export async function appendAuditEvents(tx: Db, events: readonly AuditEvent[], now: Date): Promise<ChainLink[]> {
  if (events.length === 0) return []
  const rows = events.map((event) => newRow(event, now))
  // Of several events at outdated places, only the first ones would collide with the events that are there already.
  if (rows.length > 1) await takeChangeLock(tx, 'audit_head')
  // If the first attempt waited for the lock, it did not see what the previous transaction appended. The second does.
  const { end, inserted } = (await insertNext(tx, rows)) ?? (await insertNext(tx, rows)) ?? refuseUnlocked()
  const links = inserted[0]?.sequence === end.sequence + 1 ? await link(tx, end, inserted) : await linkAll(tx, end)
  return links.slice(-rows.length)
}

type NewRow = Omit<typeof auditEvents.$inferInsert, 'sequence'>

type End = Pick<ChainLink, 'sequence' | 'hash'>

/**
 * Locks the end of the chain and inserts the rows after it, in one statement. Undefined, with nothing inserted, if the
 * statement does not see the end, because it waited for the lock. `end` is the last event with a link.
 */
async function insertNext(
  tx: Db,
  rows: readonly NewRow[],
): Promise<{ end: End; inserted: readonly AuditEventRow[] } | undefined> {
  const last = sql`greatest(${lastLink}, (select coalesce(max(sequence), 0) from ${auditEvents}))`
  const next = sql`(select ${last} from ${changeLock('audit_head')} locked)`
  const answer = await tx
    .insert(auditEvents)
    .values(rows.map((row, index) => ({ ...row, sequence: sql`coalesce(${next} + ${index + 1}::int, 0)` })))
    .onConflictDoNothing({ target: auditEvents.sequence })
    .returning({
      ...getTableColumns(auditEvents),
      endSequence: lastLink.mapWith(Number),
      endHash: sql<string | null>`(select hash from ${auditChain} order by sequence desc limit 1)`,
    })
  const [first] = answer
  if (!first) return undefined
  if (first.sequence === 0) await takeChangeLock(tx, 'audit_head') // throws, because the row is missing
  if (answer.length < rows.length) refuseUnlocked()
  const inserted = answer.map(({ endSequence: _sequence, endHash: _hash, ...row }) => row)
  return {
    end: { sequence: first.endSequence, hash: first.endHash ?? genesisHash },
    inserted: inserted.sort((one, other) => one.sequence - other.sequence),
  }
}

const lastLink = sql<number>`(select coalesce(max(sequence), 0) from ${auditChain})`

function refuseUnlocked(): never {
  throw new Error('somebody else appends to the audit trail without taking its lock')
}

/** Links every event after the end, in their order: those from before the chain existed, and the new ones last. */
async function linkAll(tx: Db, end: End): Promise<ChainLink[]> {
  const rows = await tx
    .select()
    .from(auditEvents)
    .where(gt(auditEvents.sequence, end.sequence))
    .orderBy(asc(auditEvents.sequence))
  const links: ChainLink[] = []
  for (let from = 0; from < rows.length; from += linksInStatement)
    links.push(...(await link(tx, links.at(-1) ?? end, rows.slice(from, from + linksInStatement))))
  return links
}

/** A statement must not have more than 65,535 parameters. */
const linksInStatement = 1000

/** Hashes what the database returned, not what was sent to it. */
async function link(tx: Db, end: End, rows: readonly AuditEventRow[]): Promise<ChainLink[]> {
  const links: ChainLink[] = []
  for (const row of rows) {
    const previousHash = links.at(-1)?.hash ?? end.hash
    const hash = await chainHash(previousHash, toldEvent(trailEvent(row)))
    links.push({ sequence: row.sequence, previousHash, hash })
  }
  await tx.insert(auditChain).values(links)
  return links
}

function newRow(event: AuditEvent, now: Date): NewRow {
  const { origin } = event.actor
  return {
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
  }
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
