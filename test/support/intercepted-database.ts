import type { Database } from '../../src/db/database.ts'

/** The same database, with something that happens before its first transaction begins: a pause that a process would not notice. */
export function interceptTransactions(database: Database, before: () => Promise<void>): Database {
  let first = true
  const db = new Proxy(database.db, {
    get(target, name, receiver) {
      const member: unknown = Reflect.get(target, name, receiver)
      if (name !== 'transaction' || typeof member !== 'function') return typeof member === 'function' ? member.bind(target) : member
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
