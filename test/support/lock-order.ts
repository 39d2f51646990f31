import { readFileSync } from 'node:fs'
import type { RecordedStatement } from './recorded-transactions.ts'

/**
 * The table in docs/architecture.md: a table, or a row of `change_locks`, and its place in the order in which
 * transactions take their locks.
 */
export const lockPlaces: ReadonlyMap<string, number> = new Map(
  [
    ...readFileSync(new URL('../../docs/architecture.md', import.meta.url), 'utf8').matchAll(
      /^\| (\d+) \|[^|]+\| ([^|]+) \|$/gm,
    ),
  ].flatMap(([, place, names = '']) => names.split(' ').map((name) => [name, Number(place)] as const)),
)

/** The tables whose rows the statement locks or writes. Of `change_locks`, the names of the rows. */
export function locksOf({ text, params }: RecordedStatement): string[] {
  const written = /^\s*(?:insert into|update|delete from) "(\w+)"/.exec(text)?.[1]
  const names = params.map(String).filter((value) => lockPlaces.has(value))
  const locked = lockedTables(text).flatMap((table) => (table === 'change_locks' ? names : [table]))
  return written === undefined ? locked : [...locked, written]
}

/** The first table of each select, in parentheses or not, that ends with `for update` and the like. */
function lockedTables(text: string): string[] {
  const locked: string[] = []
  const selects: { table?: string }[] = [{}]
  for (const [word, table] of text.matchAll(/[()]|\bfrom "(\w+)"|\bfor (?:no key update|update|share|key share)\b/g)) {
    const select = selects.at(-1)
    if (word === '(') selects.push({})
    else if (word === ')') selects.pop()
    else if (select && table !== undefined) select.table ??= table
    else if (select?.table !== undefined) locked.push(select.table)
  }
  return locked
}

/**
 * The locks of a transaction that come too late, and those that have no place in the order. A statement about a row
 * that the transaction has locked already (the same table, and no other values) takes no lock.
 */
export function misplacedLocks(statements: readonly RecordedStatement[]): string[] {
  const held = new Map<string, Set<string>>()
  let last = { name: 'nothing', place: 0 }
  return statements.flatMap((statement) =>
    locksOf(statement).flatMap((name) => {
      const place = lockPlaces.get(name)
      if (place === undefined) return [`${name} has no place in docs/architecture.md`]
      const before = held.get(name) ?? new Set()
      const values = statement.params.map(String)
      const isHeld = values.length > 0 && values.every((value) => before.has(value))
      held.set(name, new Set([...before, ...values]))
      if (place < last.place && !isHeld) return [`${name} after ${last.name}: ${statement.text}`]
      if (place > last.place) last = { name, place }
      return []
    }),
  )
}
