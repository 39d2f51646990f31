import type { Database, Db } from '../db/database.ts'
import type { RevocationList } from '../kit/revocation/revocation-list.ts'
import type { IndexedRule } from '../kit/revocation/rule-index.ts'
import { formatCursor, parseCursor, type SyncPosition } from '../kit/revocation/snapshot.ts'
import { createSyncedList } from '../kit/revocation/synced.ts'
import type { SyncedRules } from '../kit/revocation/synced-rules.ts'
import { monotonicMilliseconds } from '../kit/runtime.ts'
import { serviceRevocationSource } from './list-queries.ts'

/** What the list holds at one moment; to be used before anything is awaited. */
export type RevocationSnapshot = {
  readonly position: SyncPosition
  readonly cursor: string
  /** When the read began that brought it, by the service's clock: how fresh it is. */
  readonly readAt: Date
  /** Counts up with each read that may have changed rules. */
  readonly version: number
  /** Rules on the list. */
  readonly size: number
  names(): Iterable<string>
  rulesOf(name: string): readonly IndexedRule[]
  /** Names with a change since the cursor; undefined when this process cannot tell. */
  changedSince(cursor: string): ReadonlySet<string> | undefined
}

/** The service's own list. Makes no timer and asks nothing before it is started or asked. */
export type ServiceRevocationList = RevocationList & {
  /** A read that begins after this call: what was committed before is on the list when it resolves. */
  refresh(): Promise<void>
  /** Polls and listens from now on. Does nothing on a list that refreshes in requests. */
  start(): void
  /** Throws or rejects with `RevocationListUnavailable` when the list is not fresh enough. */
  snapshot(): RevocationSnapshot | Promise<RevocationSnapshot>
}

export type ServiceRevocationListOptions = {
  db: Db
  database: Pick<Database, 'listen'>
  now: () => Date
  maximumStalenessMilliseconds?: number
  /** Milliseconds that never jump; the process's own when left out. */
  monotonic?: () => number
  /** What an isolate keeps between requests (`createSyncedRules`); without it each request's list begins empty. */
  rules?: SyncedRules
} & ({ pollMilliseconds: number } | { refreshInRequest: true })

/** How old the list may be before a request reads it again, where there is no poll. */
const inRequestMilliseconds = 1000

export function createServiceRevocationList(options: ServiceRevocationListOptions): ServiceRevocationList {
  const { db, database, now, monotonic = monotonicMilliseconds, maximumStalenessMilliseconds = 10_000 } = options
  const inRequest = 'refreshInRequest' in options
  const list = createSyncedList(serviceRevocationSource(db, database), {
    now,
    monotonic,
    pollMilliseconds: inRequest ? inRequestMilliseconds : options.pollMilliseconds,
    maximumStalenessMilliseconds,
    deadlineMilliseconds: 30_000,
    inRequest,
    ...(options.rules ? { rules: options.rules } : {}),
  })

  function snapshot(): RevocationSnapshot {
    const { index, changes, position, readAt } = list.rules
    const at = position()
    const read = readAt()
    if (!at || !read) throw new Error('a fresh list has a position')
    return {
      position: at,
      cursor: formatCursor(at),
      readAt: read,
      version: list.rules.version(),
      size: index.size(),
      names: index.names,
      rulesOf: index.find,
      changedSince(cursor) {
        const since = parseCursor(cursor)
        return since && since.generation === at.generation && since.xmin <= at.xmin
          ? changes.since(since.xmin)
          : undefined
      },
    }
  }

  const { namesOf, isRevoked, ready, state, close, refresh, start, ensureFresh } = list
  return {
    namesOf,
    isRevoked,
    ready,
    state,
    close,
    refresh,
    start,
    snapshot() {
      const refreshed = ensureFresh()
      return refreshed === undefined ? snapshot() : refreshed.then(snapshot)
    },
  }
}
