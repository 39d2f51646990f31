import type { Answer, Connection, Sent, Statement } from './connection.ts'
import { type Call, type Limit, outcomeUnknown, unavailable } from './deadline.ts'
import { isConnectionLoss, isReadOnlyServer, isWriteConflict, outageOf } from './failure.ts'
import type { Pool, ReleaseReason } from './pool.ts'
import { refuseStandby } from './pooled-statement.ts'
import type { RefusedWrites } from './refused-writes.ts'
import { asQuery, isRead } from './statement.ts'

export type TransactionOptions = {
  /** Statement that opens a transaction: `begin`, plus settings where the connection cannot have them. */
  begin: string
  /** Behind a transaction pooler: a single statement too runs in a transaction that `begin` opens. */
  isPooled?: boolean
  /** How many hosts there are to try while nothing was sent. */
  hosts: number
  refusedWrites: RefusedWrites
}

/**
 * Runs the work in one transaction under one deadline, from waiting for a connection to the answer to COMMIT. After the
 * deadline or a lost connection, further statements of the work fail and nothing is committed. If the server undid the
 * transaction because of another one (a deadlock or a serialization failure), runs the work once more.
 * @throws ServiceError `outcome_unknown` if COMMIT was sent for changes and its answer did not come.
 */
export function runTransaction<Result>(
  pool: Pool,
  limit: Limit,
  options: TransactionOptions,
  work: (tx: object) => Promise<Result>,
): Promise<Result> {
  return limit(async (call) => {
    for (let isRepeated = false; ; isRepeated = true) {
      const { transaction, connection } = await beginTransaction(pool, options, call)
      try {
        const result = await work(transaction.client)
        await transaction.commit()
        return result
      } catch (error) {
        const told = transaction.explain(error)
        await transaction.rollback()
        if (isRepeated || call.passed || !transaction.hasConflicted()) throw told
      } finally {
        pool.release(connection, transaction.ending())
      }
    }
  })
}

/**
 * If the server had closed an idle connection, BEGIN fails and is repeated on another one: nothing was done yet.
 * Without an idle connection each host is tried once.
 */
async function beginTransaction(pool: Pool, options: TransactionOptions, call: Call) {
  let untried = options.hosts
  for (;;) {
    const connection = await pool.acquire(call)
    untried -= 1
    const hasRested = connection.hasAnswered()
    const transaction = createTransaction(connection, call, options.refusedWrites)
    call.onDeadline = () => {
      const error = transaction.outcome('the transaction took too long')
      pool.abandon(connection, transaction.current())
      return error
    }
    try {
      await transaction.begin(options.begin)
      return { transaction, connection }
    } catch (error) {
      const repeats = transaction.isLost() && (hasRested || untried > 0) && !call.passed
      pool.release(connection, repeats ? 'stale' : transaction.ending())
      if (!repeats) throw outageOf(error, false) ?? error
    }
  }
}

type State = 'open' | 'committing' | 'over'

function createTransaction(connection: Connection, call: Call, refusedWrites: RefusedWrites) {
  let state: State = 'open'
  let lost = false
  /** Whether a statement was sent that may have changed something. */
  let wrote = false
  /** The error that broke the transaction, until a rollback to an earlier savepoint. */
  let failure: unknown
  let current: Sent | undefined
  let last: Promise<unknown> = Promise.resolve()
  let savepoints = 0
  let readOnly = false
  let conflicted = false

  const isLost = () => lost || connection.isLost()
  const isOver = () => call.passed || isLost()
  const send = async (text: string, statement: Omit<Statement, 'text'> = plain): Promise<Answer> => {
    current = connection.send({ ...statement, text })
    try {
      return await current.answer
    } catch (error) {
      lost ||= isConnectionLoss(error)
      refusedWrites.note(error)
      readOnly ||= isReadOnlyServer(error)
      conflicted ||= isWriteConflict(error)
      throw error
    }
  }

  /** One at a time: after a lost connection the driver would send a waiting statement on another one. */
  const run = (statement: Statement): Promise<Answer> => {
    const before = last
    const answer = (async () => {
      await before
      if (state !== 'open' || isOver()) throw unavailable('the transaction is over')
      // PostgreSQL would refuse it too, without the reason.
      if (failure !== undefined && !statement.text.startsWith('rollback to savepoint')) throw failure
      wrote ||= !isRead(statement.text)
      try {
        return await send(statement.text, statement)
      } catch (error) {
        const told = outageOf(error, false) ?? error
        failure ??= told
        throw told
      }
    })()
    last = answer.catch(() => {})
    return answer
  }

  const savepoint = async <Result>(work: (tx: object) => Promise<Result>): Promise<Result> => {
    const name = `s${++savepoints}`
    await run({ ...plain, text: `savepoint ${name}` })
    try {
      const result = await work(client)
      await last
      if (failure !== undefined) throw failure
      await run({ ...plain, text: `release savepoint ${name}` })
      return result
    } catch (error) {
      await run({ ...plain, text: `rollback to savepoint ${name}` })
      failure = undefined
      conflicted = false
      throw error
    }
  }

  const client = { unsafe: asQuery(run), savepoint }

  /** The error for the caller if the connection or the time runs out now. */
  const outcome = (reason: string, cause?: unknown) =>
    state === 'committing' && wrote ? outcomeUnknown(reason, cause) : unavailable(reason, cause)

  return {
    client,
    outcome,
    current: () => current,
    isLost,
    hasConflicted: () => conflicted,
    ending: (): ReleaseReason => (isLost() ? 'lost' : readOnly ? 'read_only' : 'answered'),
    begin: async (text: string) => {
      const begun = await send(text)
      try {
        refuseStandby(begun)
      } catch (error) {
        readOnly = true
        throw error
      }
    },
    commit: async () => {
      await last
      if (failure !== undefined) throw failure
      if (isOver()) throw unavailable('the transaction is over')
      state = 'committing'
      const { command } = await send('commit')
      if (command !== 'COMMIT') throw unavailable(`the server answered ${command} to COMMIT`)
      state = 'over'
    },
    /** Translates the driver's errors of COMMIT. Errors of the work went through `run`, or are the work's. */
    explain: (error: unknown): unknown => (state === 'committing' ? (outageOf(error, wrote) ?? error) : error),
    /** Never fails: without its connection the transaction is gone too. */
    rollback: async () => {
      await last
      const mayRollBack = state === 'open' && !isOver()
      state = 'over'
      if (mayRollBack) await send('rollback').catch(() => {})
    },
  }
}

const plain: Omit<Statement, 'text'> = { params: [], prepare: false, asValues: false }
