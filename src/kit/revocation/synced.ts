import { answersFrom, seconds } from './answers.ts'
import { loadInFull } from './full-load.ts'
import { createRefresher } from './refresher.ts'
import type { RevocationList } from './revocation-list.ts'
import { namesOfToken } from './rules.ts'
import { createSyncedRules, type RevocationBatch, type SyncedRules } from './synced-rules.ts'

/** Where a synced list reads from. */
export type RevocationSource = {
  /**
   * Reads every visible row with `xact_id >= from`, without an upper bound, and the snapshot and generation. All in one
   * statement.
   */
  read(from: bigint): Promise<RevocationBatch>
  /** The same for the next `pageSize` rows by id, from any transaction. */
  readPage(afterId: string): Promise<RevocationBatch>
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

const dropExpiredEveryMilliseconds = 60_000
/** Far less than the time for which maintenance keeps rows for readers (`keptForReadersSeconds`). */
const longAgoMilliseconds = 600_000

/**
 * The whole list in memory: loaded in full, then kept up to date by polls. Notifications only make the next poll
 * earlier.
 *
 * Does not check the token's signature, claims and expiry, which the verifier does before it asks. Does not check for
 * changes that were committed after its last read: it answers from memory until that read is older than
 * `maximumStalenessMilliseconds`. Does not check for deleted rows, because a poll sees only rows that still exist. So
 * mark a rule as lifted long before its row is deleted. `source` must refuse a replica, because this list cannot
 * recognize stale rows.
 */
export function createSyncedList(source: RevocationSource, options: SyncedListOptions): SyncedList {
  const { now, monotonic, rules = createSyncedRules() } = options
  const { index } = rules
  let droppedAt = monotonic()
  let unlisten: Promise<(() => Promise<void>) | undefined> | undefined
  let closed = false

  async function load(startedAt: number): Promise<void> {
    const begin = { position: rules.position(), startedAt, readAt: now() }
    const full = begin.position === undefined || isLongAgo(startedAt) || index.lacksRulesAt(seconds(begin.readAt))
    const batch = full || !begin.position ? await loadInFull(source) : await source.read(begin.position.xmin)
    if (!rules.apply(batch, begin, full)) rules.apply(await loadInFull(source), begin, true)
    if (monotonic() - droppedAt < dropExpiredEveryMilliseconds) return
    index.dropExpired(seconds(now()))
    droppedAt = monotonic()
  }

  /**
   * Maintenance eventually deletes lifted and expired rows, so a reader that was away for long must load everything
   * again.
   */
  function isLongAgo(at: number): boolean {
    const newsAt = rules.newsAt()
    const limit = options.inRequest
      ? longAgoMilliseconds
      : Math.min(options.maximumStalenessMilliseconds, longAgoMilliseconds)
    return newsAt === undefined || !(at - newsAt <= limit)
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
