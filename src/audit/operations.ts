import { authorize, type Within } from '../access/authorize.ts'
import { requireFiltered } from '../access/filter-queries.ts'
import type { Principal } from '../access/principal.ts'
import { cursorsOf, numberPositions } from '../db/cursors.ts'
import type { Db } from '../db/database.ts'
import { type Page, type PageRequest, pageOf } from '../db/page.ts'
import type { Services } from '../services.ts'
import { type AuditEventFilter, hasEventsAbout, selectAuditEvents, trailEvent } from './queries.ts'

/** An event as the admin API shows it; times are RFC 3339 texts. */
export type AuditEventView = ReturnType<typeof trailEvent>

const cursors = cursorsOf('audit-events', numberPositions)

/**
 * Newest first. A caller bound to an organization sees the events about it, or only those of its own actions. Throws
 * `invalid_request` for an invalid cursor. Throws `not_found` for a
 * filter on an organization that does not exist or is out of reach.
 */
export async function listAuditEvents(
  { db }: Pick<Services, 'db'>,
  actor: Principal,
  { limit, cursor, ...filter }: PageRequest & AuditEventFilter,
): Promise<Page<AuditEventView>> {
  const within = authorize(actor, 'audit_events.read')
  await requireTrail(db, within, filter)
  const before = cursors.read(cursor)
  const rows = await selectAuditEvents(db, { within, filter, before, limit: limit + 1 })
  return pageOf(rows, limit, { view: trailEvent, cursor: (row) => cursors.write(row.sequence) })
}

/**
 * As `requireFiltered`. The events about a deleted organization stay readable, for callers who see every organization.
 */
export async function requireTrail(db: Db, within: Within, filter: AuditEventFilter): Promise<void> {
  const { organizationId } = filter
  const isKept = organizationId !== undefined && within === 'everywhere' && (await hasEventsAbout(db, organizationId))
  if (!isKept) await requireFiltered(db, within, filter)
}
