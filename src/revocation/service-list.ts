import type { Database, Db } from '../db/database.ts'
import { seconds } from '../kit/revocation/answers.ts'
import type { RevocableToken, RevocationList } from '../kit/revocation/revocation-list.ts'
import type { IndexedRule } from '../kit/revocation/rule-index.ts'
import { namesOfToken, strikes } from '../kit/revocation/rules.ts'
import { createSyncedList } from '../kit/revocation/synced.ts'
import { createSyncedRules, type ListPosition, type SyncedRules } from '../kit/revocation/synced-rules.ts'
import { monotonicMilliseconds } from '../kit/runtime.ts'
import { type ChangeLog, createChangeLog } from './change-log.ts'
import { serviceRevocationSource } from './list-queries.ts'

/** The content of the list at one moment. Use it before the next await. */
export type RevocationSnapshot = {
  readonly position: ListPosition
  /** When the latest read began, by the service's clock. */
  readonly readAt: Date
  /** Increases with each read that may have changed rules. */
  readonly version: number
  /** Number of rules on the list. */
  readonly size: number
  names(): Iterable<string>
  rulesOf(name: string): readonly IndexedRule[]
  /** Names that changed since another position. Undefined if this process does not know. */
  changedSince(position: ListPosition): ReadonlySet<string> | undefined
}

/** The rules of the service's own list, and which names changed lately. Does no I/O. */
export type ServiceRules = SyncedRules & { readonly changes: ChangeLog }

export function createServiceRules(): ServiceRules {
  const changes = createChangeLog()
  return { ...createSyncedRules(changes), changes }
}

/** A rule that revokes a token, with the kind of its name. */
export type KnownRule = IndexedRule & { readonly kind: string }

/** The service's own list. Sets no timer and reads nothing until it is started or used. */
export type ServiceRevocationList = RevocationList & {
  /** Starts a new read. When it resolves, everything committed before the call is on the list. */
  refresh(): Promise<void>
  /**
   * The rules that revoke a token now, as far as this process has read them. Never waits and never throws. An empty
   * answer proves nothing: the list may be old, or not read yet.
   */
  knownRulesOn(token: RevocableToken): readonly KnownRule[]
  /**
   * For a list that refreshes in requests: reads it again if it is older than a second. Never rejects. Undefined if
   * there is nothing to wait for.
   */
  readAhead(): undefined | Promise<void>
  /**
   * Reads the list again if it may lack a rule that was committed before `mark` was read (mark-queries.ts). Undefined
   * if there is nothing to wait for. Rejects if the list cannot be read.
   */
  readUpTo(mark: number | null): undefined | Promise<void>
  /** Polls and listens from now on. Does nothing on a list that refreshes in requests. */
  start(): void
  /** Throws or rejects with `RevocationListUnavailable` when the list is not fresh enough. */
  snapshot(): RevocationSnapshot | Promise<RevocationSnapshot>
}

type ServiceRevocationListOptions = {
  db: Db
  database: Pick<Database, 'listen'>
  now: () => Date
  maximumStalenessMilliseconds?: number
  /** A monotonic clock in milliseconds; the process's own by default. */
  monotonic?: () => number
  /**
   * Rules that a Workers isolate keeps between requests. If left out, each request starts with an empty list.
   */
  rules?: ServiceRules
} & ({ pollMilliseconds: number } | { refreshInRequest: true })

/** Without polling, a request reads the list again if it is older than this. */
const inRequestMilliseconds = 1000

export function createServiceRevocationList(options: ServiceRevocationListOptions): ServiceRevocationList {
  const { db, database, now, monotonic = monotonicMilliseconds, maximumStalenessMilliseconds = 10_000 } = options
  const { rules = createServiceRules() } = options
  const inRequest = 'refreshInRequest' in options
  const list = createSyncedList(serviceRevocationSource(db, database), {
    now,
    monotonic,
    pollMilliseconds: inRequest ? inRequestMilliseconds : options.pollMilliseconds,
    maximumStalenessMilliseconds,
    deadlineMilliseconds: 30_000,
    inRequest,
    rules,
  })

  function snapshot(): RevocationSnapshot {
    const { index, changes, position, readAt, version } = rules
    const at = position()
    const read = readAt()
    if (!at || !read) throw new Error('a fresh list has a position')
    return {
      position: at,
      readAt: read,
      version: version(),
      size: index.size(),
      names: index.names,
      rulesOf: index.find,
      changedSince: ({ generation, sequence }) =>
        generation === at.generation && sequence <= at.sequence ? changes.since(sequence) : undefined,
    }
  }

  function knownRulesOn(token: RevocableToken): readonly KnownRule[] {
    const { find, size, reached } = rules.index
    if (size() === 0) return []
    const at = reached(seconds(now()))
    return namesOfToken(token).flatMap((name) =>
      find(name)
        .filter((rule) => strikes(rule, token, at))
        .map((rule) => ({ ...rule, kind: name.slice(0, name.indexOf(':')) })),
    )
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
    knownRulesOn,
    readAhead() {
      if (!inRequest) return undefined
      try {
        return ensureFresh()?.catch(() => {})
      } catch {
        return undefined
      }
    },
    readUpTo(mark) {
      return mark === null || mark <= (rules.position()?.sequence ?? -1) ? undefined : refresh()
    },
    snapshot() {
      const refreshed = ensureFresh()
      return refreshed === undefined ? snapshot() : refreshed.then(snapshot)
    },
  }
}
