import { answersFrom, seconds } from './answers.ts'
import { loadInFull } from './full-load.ts'
import { createRefresher } from './refresher.ts'
import type { RevocationList } from './revocation-list.ts'
import { namesOfToken } from './rules.ts'
import { createSyncedRules, type RevocationBatch, type SyncedRules } from './synced-rules.ts'

/** Where a synced list reads from. */
export type RevocationSource = {
  /** In one statement: every visible row with `xact_id >= from`, without an upper bound, and the snapshot and generation it was read with. */
  read(from: bigint): Promise<RevocationBatch>
  /** The same for the next `pageSize` rows by id, whatever their transaction. */
  readPage(afterId: string): Promise<RevocationBatch>
  /** Calls `onChange` for each notification, as far as they arrive; the poll repairs what they lose. */
  listen?(onChange: () => void): Promise<() => Promise<void>>
  close?(): Promise<void>
}

export type SyncedListOptions = {
  now(): Date
  monotonic(): number
  pollMilliseconds: number
  maximumStalenessMilliseconds: number
  /** For everything that a refresh asks; each statement has a deadline of its own. */
  deadlineMilliseconds: number
  inRequest: boolean
  startsWhenAsked?: boolean
  /** Kept from an earlier request of the same isolate. */
  rules?: SyncedRules
}

export type SyncedList = RevocationList & {
  start(): void
  refresh(): Promise<void>
  ensureFresh(): undefined | Promise<void>
  readonly rules: SyncedRules
}

const dropExpiredEveryMilliseconds = 60_000
/** Far less than what maintenance leaves to readers (`keptForReadersSeconds`). */
const longAgoMilliseconds = 600_000

/** The whole list in memory: loaded in full, then kept up to date by polls. Notifications only make the next poll earlier. */
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

  /** Maintenance deletes lifted and expired rows in the end: a reader that was away must load everything again. */
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
