import { authorize, type Within } from '../access/authorize.ts'
import type { Principal } from '../access/principal.ts'
import type { Services } from '../services.ts'
import { appendAuditEvent } from './append-queries.ts'
import { type ChainLink, toldEvent } from './chain.ts'
import { recordIssuerChange, signCheckpoint } from './checkpoints.ts'
import { csvHeader, csvRow } from './csv.ts'
import { requireTrail } from './operations.ts'
import { type AuditEventFilter, selectCheckpoints, selectTrail, trailEvent } from './queries.ts'
import { trailFormat, trailLine } from './verify/lines.ts'

type ExportFormat = 'jsonl' | 'csv'

type ExportServices = Pick<Services, 'database' | 'db' | 'now' | 'config' | 'keyring' | 'checkpointSigner'>

/**
 * The trail as one file, in pages, from its first event up to the one that reports this export.
 *
 * JSONL contains every link of the chain, no matter who asks, so that the file proves itself. Events that the caller
 * may see and that match the filter are complete; of the others it contains the sequence and the hashes. CSV contains
 * only the complete events. It is for people and cannot be verified.
 *
 * Throws `permission_denied`, `keyring_unavailable` before the first piece. A later failure truncates the file, which
 * its checkpoint reveals.
 */
export async function exportAuditTrail(
  services: ExportServices,
  actor: Principal,
  { format, filter }: { format: ExportFormat; filter: AuditEventFilter },
): Promise<AsyncGenerator<string, void, void>> {
  const within = authorize(actor, 'audit_events.read')
  const { db, now, config } = services
  await requireTrail(db, within, filter)
  await recordIssuerChange(services)
  const at = now()
  const shown = shownBy(within, filter)
  const signer = await services.checkpointSigner()
  const head = await db.transaction((tx) => {
    const { organizationId } = actor
    return appendAuditEvent(
      tx,
      { type: 'audit_events.exported', actor, organizationId, subject: null, context: { format, shown } },
      at,
    )
  })
  const pages = { within, filter, upTo: head.sequence }
  if (format === 'csv') return csvOf(services, pages)
  const { signed } = await signCheckpoint(db, signer, { issuer: config.issuer, head, at })
  const { keys } = await services.keyring.publicKeys('record')
  const { sequence, hash } = head
  const opening = [
    trailLine({
      kind: 'export',
      format: trailFormat,
      version: 1,
      issuer: config.issuer,
      exportedAt: at.toISOString(),
      exportedBy: actor.clientId,
      shown,
      head: { sequence, hash },
    }),
    trailLine({ kind: 'record_keys', keys }),
    trailLine({ kind: 'checkpoint', signed }),
  ]
  return jsonlOf(services, pages, opening.join(''))
}

type Pages = { within: Within; filter: AuditEventFilter; upTo: number }

const pageSize = 500

/** Reads its pages without the deadline of the request, as long as the client takes them. */
async function* jsonlOf(
  { database: { db } }: ExportServices,
  pages: Pages,
  opening: string,
): AsyncGenerator<string, void, void> {
  yield opening
  for (let after = 0; after < pages.upTo; ) {
    const rows = await selectTrail(db, { ...pages, after, limit: pageSize })
    const last = rows.at(-1)
    // The chain became shorter meanwhile: the checkpoint in the file will not match, so the reader notices.
    if (!last) return
    const checkpoints = await selectCheckpoints(db, { after, upTo: last.link.sequence })
    const signedAt = new Map(
      checkpoints.map(({ sequence, signed }) => [sequence, trailLine({ kind: 'checkpoint', signed })]),
    )
    yield rows.map((row) => jsonlRow(row) + (signedAt.get(row.link.sequence) ?? '')).join('')
    after = last.link.sequence
  }
}

function jsonlRow({ link, event }: Awaited<ReturnType<typeof selectTrail>>[number]): string {
  const { previousHash, hash } = link
  return event
    ? trailLine({ kind: 'event', previousHash, hash, event: toldEvent(trailEvent(event)) })
    : trailLine({ kind: 'link', sequence: link.sequence, previousHash, hash })
}

async function* csvOf({ database: { db } }: ExportServices, pages: Pages): AsyncGenerator<string, void, void> {
  yield csvHeader
  let last: ChainLink | undefined
  do {
    const rows = await selectTrail(db, { ...pages, after: last?.sequence ?? 0, limit: pageSize })
    last = rows.at(-1)?.link
    const text = rows.map(({ link, event }) => (event ? csvRow(trailEvent(event), link) : '')).join('')
    if (text !== '') yield text
  } while (last && last.sequence < pages.upTo)
}

/** What the header and the export's own event say about which events are shown. */
function shownBy(within: Within, { from, to, ...words }: AuditEventFilter): Record<string, string | null> {
  const filters = { ...words, from: from?.toISOString(), to: to?.toISOString() }
  const given = Object.entries(filters).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, value] as const],
  )
  if (within === 'everywhere') return Object.fromEntries(given)
  const reach = {
    withinOrganization: within.organizationId,
    ...(within.owner ? { withinActor: within.owner.clientId } : {}),
  }
  return { ...reach, ...Object.fromEntries(given) }
}
