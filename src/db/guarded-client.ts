import type postgres from 'postgres'
import type { Answer, Statement, WireTypes } from './connection.ts'
import { outcomeUnknown, unavailable, withinDeadline } from './deadline.ts'
import { isConnectionLoss, outageOf } from './failure.ts'
import type { Pool } from './pool.ts'
import { asQuery, isRead } from './statement.ts'
import { runTransaction, type TransactionOptions } from './transaction.ts'

export type GuardedClientOptions = TransactionOptions & {
  pool: Pool
  wireTypes: WireTypes
  deadlineMilliseconds: number
}

/**
 * Stands between drizzle and postgres.js: each statement, and each transaction as a whole, has one deadline that begins with the call.
 * Drizzle's postgres-js driver touches only these members of its client (drizzle-orm/postgres-js/session.js).
 */
export function guardedClient({
  pool,
  wireTypes,
  deadlineMilliseconds,
  ...options
}: GuardedClientOptions): postgres.Sql {
  const client = {
    options: wireTypes,
    unsafe: asQuery((statement) => runStatement(pool, deadlineMilliseconds, statement)),
    begin: <Result>(work: (tx: object) => Promise<Result>) => runTransaction(pool, deadlineMilliseconds, options, work),
  }
  return client as unknown as postgres.Sql
}

function runStatement(pool: Pool, deadlineMilliseconds: number, statement: Statement): Promise<Answer> {
  return withinDeadline(deadlineMilliseconds, async (call) => {
    for (;;) {
      const connection = await pool.acquire(call)
      const hasRested = connection.hasAnswered()
      const sent = connection.send(statement)
      const changesAtStake = () => sent.wasSent() && !isRead(statement.text)
      call.onDeadline = () => {
        const reason = 'the statement took too long'
        const error = changesAtStake() ? outcomeUnknown(reason) : unavailable(reason)
        pool.abandon(connection, sent)
        return error
      }
      try {
        const answer = await sent.answer
        pool.release(connection, 'answered')
        return answer
      } catch (error) {
        const outage = outageOf(error, changesAtStake())
        const lost = isConnectionLoss(error)
        // The server may have closed it at rest, as a restart does: what only reads is asked again, on another one.
        const repeats = lost && hasRested && isRead(statement.text) && !call.passed
        pool.release(connection, repeats ? 'stale' : lost ? 'lost' : 'answered')
        if (!repeats) throw outage ?? error
      }
    }
  })
}
