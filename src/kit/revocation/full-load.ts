import { parseSnapshot } from './snapshot.ts'
import type { RevocationBatch, RevocationRow } from './synced-rules.ts'

/** One statement for a long list would miss any deadline, and would block an embedded database for everyone else. */
export const pageSize = 5000

/**
 * Reads the whole list, page by page, as one batch. Each page sees a later state than the one before it. So everything
 * that changed since the first page is read again at the end, and the rows then match the last snapshot. Throws if the
 * database was restored in between.
 */
export async function loadInFull(source: {
  read(from: bigint): Promise<RevocationBatch>
  /** The next `pageSize` rows by id. */
  readPage(afterId: string): Promise<RevocationBatch>
}): Promise<RevocationBatch> {
  const rows = new Map<string, RevocationRow>()
  const first = await source.readPage('')
  for (let page = first; ; page = await source.readPage(page.rows.at(-1)?.id ?? '')) {
    for (const row of page.rows) rows.set(row.id, row)
    if (page.rows.length < pageSize) break
  }
  const begun = parseSnapshot(first.generation, first.snapshot)
  const last = await source.read(begun.xmin)
  const ended = parseSnapshot(last.generation, last.snapshot)
  if (ended.generation !== begun.generation || ended.sequence < begun.sequence)
    throw new Error('the database was restored during the load')
  for (const row of last.rows) rows.set(row.id, row)
  return { ...last, rows: [...rows.values()] }
}
