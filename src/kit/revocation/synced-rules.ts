import type { RevocationRule } from './revocation-list.ts'
import { createRuleIndex, type IndexedRule, type RuleIndex } from './rule-index.ts'
import { effectOf, ruleName } from './rules.ts'

/** A row of the list in the database. */
export type RevocationRow = RevocationRule & {
  readonly id: string
  readonly lifted: boolean
  /** The number of its last change. Numbers are committed in their order. */
  readonly sequence: number
}

/** How far a reader has read: it has every change with a number up to `sequence`. */
export type ListPosition = { readonly generation: number; readonly sequence: number }

/** What a reader of the database saw. The position is that of the list: the rows have every change up to it. */
export type RevocationBatch = ListPosition & {
  readonly rows: readonly RevocationRow[]
  /** The highest number of a deleted rule. The rows are complete only for a reader that has read as much. */
  readonly prunedUpTo: number
}

/** Told of every change that is applied, to remember which names changed. */
export type ChangeObserver = {
  /** The whole list was loaded: changes up to this number are not told. */
  restart(sequence: number): void
  add(sequence: number, name: string): void
}

/** Where a read began, and when. */
type ReadBegin = {
  readonly position: ListPosition | undefined
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
  position(): ListPosition | undefined
  /** When the read that brought the latest data began. Undefined before the first full load. */
  newsAt(): number | undefined
  readAt(): Date | undefined
  /** Increases with each read that may have changed rules. */
  version(): number
  /**
   * Applies the result of a read: the whole list (`full`), or every change after the position where the read began.
   * False if the result does not continue the current list: the generation changed, numbers went back, or a rule was
   * deleted whose last change this list has not read. Load in full then.
   */
  apply(batch: RevocationBatch, begin: ReadBegin, full: boolean): boolean
}

export function createSyncedRules(observer?: ChangeObserver): SyncedRules {
  const index = createRuleIndex()
  let position: ListPosition | undefined
  let newsAt: number | undefined
  let readAt: Date | undefined
  let version = 0

  function replaceAll({ rows, sequence }: RevocationBatch): void {
    const byName = new Map<string, IndexedRule[]>()
    for (const row of rows) {
      if (row.lifted) continue
      const name = ruleName(row.kind, row.value)
      const rules = byName.get(name)
      if (rules) rules.push(indexed(row))
      else byName.set(name, [indexed(row)])
    }
    index.replace(byName)
    observer?.restart(sequence)
  }

  function change(row: RevocationRow): void {
    const name = ruleName(row.kind, row.value)
    const others = index.find(name).filter(({ id }) => id !== row.id)
    index.set(name, row.lifted ? others : [...others, indexed(row)])
    observer?.add(row.sequence, name)
  }

  return {
    index,
    position: () => position,
    newsAt: () => newsAt,
    readAt: () => readAt,
    version: () => version,
    apply(batch, begin, full) {
      if (!full && !continues(begin.position, batch)) return false
      // Another read has been applied since this one began, and it saw more. Applying this one could undo it.
      if (position && position !== begin.position && isBehind(batch, position)) return true
      if (full || batch.rows.length > 0) version += 1
      if (full) replaceAll(batch)
      else for (const row of batch.rows) change(row)
      position = { generation: batch.generation, sequence: batch.sequence }
      if (newsAt === undefined || begin.startedAt > newsAt || full) {
        newsAt = begin.startedAt
        readAt = begin.readAt
      }
      return true
    },
  }
}

function continues(from: ListPosition | undefined, to: RevocationBatch): boolean {
  return (
    from !== undefined &&
    to.generation === from.generation &&
    to.sequence >= from.sequence &&
    to.prunedUpTo <= from.sequence
  )
}

function isBehind(one: ListPosition, other: ListPosition): boolean {
  return one.generation < other.generation || (one.generation === other.generation && one.sequence < other.sequence)
}

function indexed(row: RevocationRow): IndexedRule {
  return { id: row.id, ...effectOf(row) }
}
