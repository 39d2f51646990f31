import { authorize, permissionsHeld } from '../access/authorize.ts'
import type { Principal } from '../access/principal.ts'
import { type Page, type PageRequest, pageOf } from '../db/page.ts'
import { invalidRequest, type RefusedThing } from '../errors.ts'
import type { Services } from '../services.ts'
import { type AuditEventFilter, appendAuditEvent, selectAuditEvents, trailEvent } from './queries.ts'

/** An event as the admin API shows it; times are RFC 3339 texts. */
export type AuditEventView = ReturnType<typeof trailEvent>

/**
 * Newest first. A caller bound to an organization sees the events about it, or only those of its own actions. Throws
 * `invalid_request` for an invalid cursor. A filter for another organization finds nothing.
 */
export async function listAuditEvents(
  { db }: Pick<Services, 'db'>,
  actor: Principal,
  { limit, cursor, ...filter }: PageRequest & AuditEventFilter,
): Promise<Page<AuditEventView>> {
  const within = authorize(actor, 'audit_events.read')
  const before = cursor === undefined ? undefined : readSequence(cursor)
  const rows = await selectAuditEvents(db, { within, filter, before, limit: limit + 1 })
  return pageOf(rows, limit, { view: trailEvent, cursor: (row) => String(row.sequence) })
}

export type Refusal = {
  readonly operation: string
  /** The id that the request named, whether it exists or not. */
  readonly subject: string | null
  readonly code: string
  readonly reason: string | undefined
  /** What the request was about, if that exists and the caller may know of it. */
  readonly about?: RefusedThing | undefined
}

/** Records, in its own transaction, a request that an authenticated caller was refused. */
export async function recordRefusal(
  { db, now }: Pick<Services, 'db' | 'now'>,
  actor: Principal,
  { operation, code, reason, ...refusal }: Refusal,
): Promise<void> {
  await db.transaction(async (tx) => {
    const about = {
      actor,
      organizationId: filedUnder(actor, refusal),
      subject: refusal.about?.subject ?? refusal.subject,
    }
    const why = reason === undefined ? {} : { reason }
    await appendAuditEvent(tx, { type: 'operation.refused', ...about, ...why, context: { operation, code } }, now())
  })
}

/**
 * The organization that the refused request was about, so that its people find the event; null = the service. A caller
 * that sees one organization's events finds its own there: a place elsewhere would also tell it what exists elsewhere.
 */
function filedUnder(actor: Principal, { about }: Pick<Refusal, 'about'>): string | null {
  const seesEverything = permissionsHeld(actor)['audit_events.read'] === 'all'
  return seesEverything ? (about?.organizationId ?? null) : actor.organizationId
}

function readSequence(cursor: string): number {
  if (!/^\d{1,15}$/.test(cursor)) throw invalidRequest('cursor is invalid. Use the nextCursor of the previous page.')
  return Number(cursor)
}
