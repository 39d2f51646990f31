import type { PGlite, Transaction } from '@electric-sql/pglite'
import { drizzle } from 'drizzle-orm/pglite'
import type { Database, Db } from '../../src/db/database.ts'

export type RecordedStatement = { readonly text: string; readonly params: readonly unknown[] }

/** The same embedded database, but every statement of each transaction goes into `transactions`. */
export function recordTransactions(database: Database): { database: Database; transactions: RecordedStatement[][] } {
  const transactions: RecordedStatement[][] = []
  const recorded = (db: Db) => drizzle({ client: recordingClient(db, transactions) })
  const within: Database['within'] = (budget) => recorded(database.within(budget))
  return { database: { ...database, db: recorded(database.db), within }, transactions }
}

/** Drizzle's PGlite driver calls these two members only. */
function recordingClient(db: Db, transactions: RecordedStatement[][]): PGlite {
  const { $client: client } = db as unknown as ReturnType<typeof drizzle>
  const recording: Pick<PGlite, 'query' | 'transaction'> = {
    query: async (text, params, options) => await client.query(text, params, options),
    transaction: async (run) =>
      await client.transaction(async (tx) => {
        const statements: RecordedStatement[] = []
        transactions.push(statements)
        const query: Transaction['query'] = async (text, params, options) => {
          statements.push({ text, params: params ?? [] })
          return await tx.query(text, params, options)
        }
        return await run({ query } as Transaction)
      }),
  }
  return recording as PGlite
}
