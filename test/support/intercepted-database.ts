import type { Database, Db } from '../../src/db/database.ts'

/** A transaction that another function runs, such as one that fails after it. */
type Wrap = (transaction: () => Promise<unknown>) => Promise<unknown>

/** The same database with other transactions, also those of a request with a deadline of its own. */
export function wrapTransactions(database: Database, wrap: Wrap): Database {
  const wrapped = (db: Db) =>
    new Proxy(db, {
      get(target, name) {
        const member: unknown = Reflect.get(target, name)
        if (typeof member !== 'function') return member
        if (name !== 'transaction') return member.bind(target)
        return async (...args: unknown[]) => await wrap(async () => await Reflect.apply(member, target, args))
      },
    })
  return { ...database, db: wrapped(database.db), within: (budget) => wrapped(database.within(budget)) }
}

/** The same database, but `before` runs before its first transaction begins, like a pause of the process. */
export function interceptTransactions(database: Database, before: () => Promise<void>): Database {
  let first = true
  return wrapTransactions(database, async (transaction) => {
    if (first) {
      first = false
      await before()
    }
    return await transaction()
  })
}

/** The same database, but `before` runs before each prepared select and gets its values. */
export function interceptPreparedSelects(db: Db, before: (values: unknown) => Promise<void>): Db {
  return intercept(db, before)
}

const onTheWayToExecute: ReadonlySet<string | symbol> = new Set([
  'select',
  'from',
  'innerJoin',
  'leftJoin',
  'where',
  'prepare',
])

function intercept<Target extends object>(target: Target, before: (values: unknown) => Promise<void>): Target {
  return new Proxy(target, {
    get(inner, name) {
      const member: unknown = Reflect.get(inner, name)
      if (typeof member !== 'function') return member
      return (...args: unknown[]) => {
        if (name === 'execute') return before(args[0]).then(() => Reflect.apply(member, inner, args))
        const result: unknown = Reflect.apply(member, inner, args)
        return onTheWayToExecute.has(name) ? intercept(Object(result), before) : result
      }
    },
  })
}
