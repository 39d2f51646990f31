import type postgres from 'postgres'
import type { Answer, Statement, WireTypes } from './connection.ts'
import { type Limit, outcomeUnknown, unavailable } from './deadline.ts'
import { isConnectionLoss, isReadOnlyServer, outageOf } from './failure.ts'
import type { Pool } from './pool.ts'
import { sendInTransaction } from './pooled-statement.ts'
import { asQuery, isRead } from './statement.ts'
import { runTransaction, type TransactionOptions } from './transaction.ts'

type GuardedClientOptions = TransactionOptions & {
  pool: Pool
  wireTypes: WireTypes
  limit: Limit
}

/**
 * Sits between drizzle and postgres.js. Each statement, and each transaction as a whole, has one deadline that starts
 * with the call. Drizzle's postgres-js driver uses only these members of its client
 * (drizzle-orm/postgres-js/session.js).
 */
export function guardedClient({ pool, wireTypes, limit, ...options }: GuardedClientOptions): postgres.Sql {
  const client = {
    options: wireTypes,
    unsafe: asQuery((statement) => runStatement(pool, limit, options, statement)),
    begin: <Result>(work: (tx: object) => Promise<Result>) => runTransaction(pool, limit, options, work),
  }
  return client as unknown as postgres.Sql
}

function runStatement(pool: Pool, limit: Limit, options: TransactionOptions, statement: Statement): Promise<Answer> {
  return limit(async (call) => {
    let untried = options.hosts
    for (;;) {
      const connection = await pool.acquire(call)
      untried -= 1
      const hasRested = connection.hasAnswered()
      const sent = options.isPooled
        ? sendInTransaction(connection, options.begin, statement)
        : connection.send(statement)
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
        options.refusedWrites.note(error)
        const outage = outageOf(error, changesAtStake())
        const lost = isConnectionLoss(error) || connection.isLost()
        // The server may have closed an idle connection, as a restart does. A statement that only reads is sent again
        // on another one. A statement that was never sent tries each host.
        const isSafe = hasRested ? isRead(statement.text) : !sent.wasSent() && untried > 0
        const repeats = lost && isSafe && !call.passed
        pool.release(connection, repeats ? 'stale' : lost ? 'lost' : isReadOnlyServer(error) ? 'read_only' : 'answered')
        if (!repeats) throw outage ?? error
      }
    }
  })
}
