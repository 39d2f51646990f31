import type { Database, Db } from '../../src/db/database.ts'

/** The same database, but `before` runs before its first transaction begins, like a pause of the process. */
export function interceptTransactions(database: Database, before: () => Promise<void>): Database {
  let first = true
  const db = new Proxy(database.db, {
    get(target, name, receiver) {
      const member: unknown = Reflect.get(target, name, receiver)
      if (name !== 'transaction' || typeof member !== 'function')
        return typeof member === 'function' ? member.bind(target) : member
      return async (...args: unknown[]) => {
        if (first) {
          first = false
          await before()
        }
        return await Reflect.apply(member, target, args)
      }
    },
  })
  return { ...database, db }
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
