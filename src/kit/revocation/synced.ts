import { answersFrom, seconds } from './answers.ts'
import { createRefresher } from './refresher.ts'
import type { RevocationList } from './revocation-list.ts'
import { namesOfToken } from './rules.ts'
import { createSyncedRules, type RevocationBatch, type RevocationRow, type SyncedRules } from './synced-rules.ts'

/** Where a synced list reads from. */
export type RevocationSource = {
  /**
   * Reads the first `pageSize` rows with a higher number, in the order of their numbers, and what the list itself is
   * like. All in one statement, so that they belong together.
   */
  read(after: number): Promise<RevocationBatch>
  /** Calls `onChange` for each notification that arrives. The poll makes up for lost ones. */
  listen?(onChange: () => void): Promise<() => Promise<void>>
  close?(): Promise<void>
}

export type SyncedListOptions = {
  now(): Date
  monotonic(): number
  pollMilliseconds: number
  maximumStalenessMilliseconds: number
  /** For a whole refresh. Each statement also has its own deadline. */
  deadlineMilliseconds: number
  inRequest: boolean
  startsWhenAsked?: boolean
  /** Rules that were kept from an earlier request of the same isolate. */
  rules?: SyncedRules
}

export type SyncedList = RevocationList & {
  start(): void
  refresh(): Promise<void>
  ensureFresh(): undefined | Promise<void>
  readonly rules: SyncedRules
}

/** One statement for a long list would miss any deadline, and would block an embedded database for everyone else. */
export const pageSize = 5000

const dropExpiredEveryMilliseconds = 60_000
const mostAttempts = 3

/**
 * The whole list in memory: loaded in full, then kept up to date by polls. Notifications only make the next poll
 * earlier.
 *
 * Does not check the token's signature, claims and expiry, which the verifier does before it asks. Does not check for
 * changes that were committed after its last read: it answers from memory until that read is older than
 * `maximumStalenessMilliseconds`. A rule whose row is deleted, and not lifted first, stays on the list until the next
 * full load. `source` must refuse a replica, because this list cannot recognize stale rows.
 */
export function createSyncedList(source: RevocationSource, options: SyncedListOptions): SyncedList {
  const { now, monotonic, rules = createSyncedRules() } = options
  const { index } = rules
  let droppedAt = monotonic()
  let unlisten: Promise<(() => Promise<void>) | undefined> | undefined
  let closed = false

  async function load(startedAt: number): Promise<void> {
    const begin = { position: rules.position(), startedAt, readAt: now() }
    const after = index.lacksRulesAt(seconds(begin.readAt)) ? undefined : begin.position?.sequence
    const changes = after === undefined ? undefined : await readPages(source, after)
    if (!changes || !rules.apply(changes, begin, false)) rules.apply(await loadInFull(source), begin, true)
    if (monotonic() - droppedAt < dropExpiredEveryMilliseconds) return
    index.dropExpired(seconds(now()))
    droppedAt = monotonic()
  }

  function listenOnce(): void {
    if (closed || options.inRequest || !source.listen) return
    unlisten ??= source.listen(refresher.soon).catch(() => {
      unlisten = undefined // try again after the next poll
      return undefined
    })
  }

  const refresher = createRefresher({
    load,
    newsAt: rules.newsAt,
    monotonic,
    intervalMilliseconds: options.pollMilliseconds,
    maximumStalenessMilliseconds: options.maximumStalenessMilliseconds,
    deadlineMilliseconds: options.deadlineMilliseconds,
    inRequest: options.inRequest,
    startsWhenAsked: options.startsWhenAsked ?? false,
    loaded: listenOnce,
  })

  return {
    rules,
    namesOf: namesOfToken,
    ...answersFrom(index, refresher, now),
    start: refresher.start,
    refresh: refresher.refresh,
    ensureFresh: refresher.ensureFresh,
    async close() {
      closed = true
      refresher.close()
      const stop = await unlisten
      await stop?.().catch(() => {})
      await source.close?.()
    },
  }
}

async function loadInFull(source: RevocationSource): Promise<RevocationBatch> {
  for (let attempt = 0; attempt < mostAttempts; attempt++) {
    const batch = await readPages(source, 0)
    if (batch) return batch
  }
  throw new Error('the database was restored or pruned during each attempt to load its list')
}

/**
 * Reads every row with a higher number as one batch. A rule that changes between two pages gets a higher number, so
 * a later page has it again. Undefined if the pages do not belong together: the database was restored, or a rule was
 * deleted that an earlier page may have in an older state.
 */
async function readPages(source: RevocationSource, after: number): Promise<RevocationBatch | undefined> {
  const rows = new Map<string, RevocationRow>()
  let cursor = after
  let first: RevocationBatch | undefined
  for (;;) {
    const page = await source.read(cursor)
    first ??= page
    const isRestored = page.generation !== first.generation || (page !== first && page.sequence < cursor)
    if (isRestored || page.prunedUpTo > Math.max(cursor, first.prunedUpTo)) return undefined
    for (const row of page.rows) rows.set(row.id, row)
    const last = page.rows.at(-1)
    if (!last || page.rows.length < pageSize) return { ...page, prunedUpTo: first.prunedUpTo, rows: [...rows.values()] }
    cursor = last.sequence
  }
}
