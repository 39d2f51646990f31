import type { Db } from './database.ts'

type Transaction = <Result>(work: (tx: Db) => Promise<Result>) => Promise<Result>

/**
 * A dry run: does the work in a transaction, rolls the transaction back and returns the result. What the work throws
 * comes through unchanged. Locks are held as in the change itself, and nothing is written.
 */
export async function tryInTransaction<Result>(
  transaction: Transaction,
  work: (tx: Db) => Promise<Result>,
): Promise<Result> {
  const rollBack = new Error('a dry run: the transaction rolls back')
  let done: { readonly result: Result } | undefined
  try {
    return await transaction(async (tx) => {
      done = { result: await work(tx) }
      throw rollBack
    })
  } catch (error) {
    if (error === rollBack && done) return done.result
    throw error
  }
}
