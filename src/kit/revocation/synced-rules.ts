import { type ChangeLog, createChangeLog } from './change-log.ts'
import type { RevocationRule } from './revocation-list.ts'
import { createRuleIndex, type IndexedRule, type RuleIndex } from './rule-index.ts'
import { effectOf, ruleName } from './rules.ts'
import { parseSnapshot, type SyncPosition } from './snapshot.ts'

/** A row of the list in the database. */
export type RevocationRow = RevocationRule & {
  readonly id: string
  readonly lifted: boolean
  /** The last transaction that wrote it. */
  readonly xactId: bigint
}

/** What one statement saw. Rows, generation and snapshot belong together. */
export type RevocationBatch = {
  readonly rows: readonly RevocationRow[]
  readonly generation: number
  /** `pg_current_snapshot()::text` of the statement that read the rows. */
  readonly snapshot: string
}

/** Where a read began, and when. */
type ReadBegin = {
  readonly position: SyncPosition | undefined
  /** Monotonic milliseconds. */
  readonly startedAt: number
  /** The same time by the wall clock. */
  readonly readAt: Date
}

/**
 * The rules of a database as far as this process has read them. Does no I/O, so an isolate on Workers may keep it
 * between requests.
 */
export type SyncedRules = {
  readonly index: RuleIndex
  readonly changes: ChangeLog
  position(): SyncPosition | undefined
  /** When the read that brought the latest data began. Undefined before the first full load. */
  newsAt(): number | undefined
  readAt(): Date | undefined
  /** Increases with each read that may have changed rules. */
  version(): number
  /**
   * Applies the result of a read: the whole list (`full`), or every row with `xact_id` at or above the position where
   * the read began. False if the result does not continue the current list, because the generation changed or
   * transaction ids went back. Load in full then.
   */
  apply(batch: RevocationBatch, begin: ReadBegin, full: boolean): boolean
}

export function createSyncedRules(): SyncedRules {
  const index = createRuleIndex()
  const changes = createChangeLog()
  let position: SyncPosition | undefined
  let newsAt: number | undefined
  let readAt: Date | undefined
  let version = 0

  function replaceAll(rows: readonly RevocationRow[], at: SyncPosition): void {
    const byName = new Map<string, IndexedRule[]>()
    changes.restart(at.xmin)
    for (const row of rows) {
      const name = ruleName(row.kind, row.value)
      if (row.xactId >= at.xmin) changes.add(row.xactId, name)
      if (row.lifted) continue
      const rules = byName.get(name)
      if (rules) rules.push(indexed(row))
      else byName.set(name, [indexed(row)])
    }
    index.replace(byName)
  }

  function change(row: RevocationRow): void {
    const name = ruleName(row.kind, row.value)
    const others = index.find(name).filter(({ id }) => id !== row.id)
    index.set(name, row.lifted ? others : [...others, indexed(row)])
    changes.add(row.xactId, name)
  }

  return {
    index,
    changes,
    position: () => position,
    newsAt: () => newsAt,
    readAt: () => readAt,
    version: () => version,
    apply(batch, begin, full) {
      const at = parseSnapshot(batch.generation, batch.snapshot)
      if (!full && (!begin.position || !continues(begin.position, at))) return false
      // Another read has been applied since this one began, and it saw more. Applying this one could undo it.
      if (position !== begin.position && position && !continues(position, at)) return true
      if (full || batch.rows.length > 0) version += 1
      if (full) replaceAll(batch.rows, at)
      else for (const row of batch.rows) change(row)
      position = at
      if (newsAt === undefined || begin.startedAt > newsAt || full) {
        newsAt = begin.startedAt
        readAt = begin.readAt
      }
      return true
    },
  }
}

function continues(from: SyncPosition, to: SyncPosition): boolean {
  return to.generation === from.generation && to.sequence >= from.sequence && to.xmin >= from.xmin
}

function indexed(row: RevocationRow): IndexedRule {
  return { id: row.id, ...effectOf(row) }
}
