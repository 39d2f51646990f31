import { authorize } from '../access/authorize.ts'
import { requireFiltered } from '../access/filter-queries.ts'
import type { Principal } from '../access/principal.ts'
import { cursorsOf, numberPositions } from '../db/cursors.ts'
import { type Page, type PageRequest, pageOf } from '../db/page.ts'
import type { Services } from '../services.ts'
import { type AuditEventFilter, selectAuditEvents, trailEvent } from './queries.ts'

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
  await requireFiltered(db, within, filter)
  const before = cursors.read(cursor)
  const rows = await selectAuditEvents(db, { within, filter, before, limit: limit + 1 })
  return pageOf(rows, limit, { view: trailEvent, cursor: (row) => cursors.write(row.sequence) })
}
