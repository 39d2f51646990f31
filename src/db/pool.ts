import { createBreaker } from './breaker.ts'
import type { Connection, Sent } from './connection.ts'
import { type Call, unavailable } from './deadline.ts'
import { isConnectionLoss } from './failure.ts'

export type ReleaseReason = 'answered' | 'lost' | 'stale' | 'read_only'

export type Pool = {
  /** A connection for this call alone. Throws `database_unavailable` if none is free within `waitMilliseconds`. */
  acquire(call: Call): Promise<Connection>
  /**
   * Takes a connection back. `answered`: the server's last answer arrived, good or bad. `stale`: the connection had
   * died while idle, or another host is tried; neither says anything about the server now. `read_only`: the server
   * refused a change because it cannot be written to (25006), so no connection that is open now is used again. Ignores
   * a connection that was abandoned.
   */
  release(connection: Connection, end: ReleaseReason): void
  /**
   * After a deadline: cancels the running statement on the server and closes the connection. A server that answers, if
   * only to the cancellation, does not fail: the call waited for a lock, or was slow.
   */
  abandon(connection: Connection, sent: Sent | undefined): void
  inFlight(): number
  isBroken(): boolean
  close(): Promise<void>
}

type PoolOptions = {
  open: () => Connection
  maxConnections: number
  /** How long a call may wait while every connection is busy. Shorter than the deadline: nothing was tried yet. */
  waitMilliseconds: number
}

type Waiter = {
  call: Call
  take: (connection: Connection) => void
  refuse: (error: Error) => void
  timer: ReturnType<typeof setTimeout>
}

const failuresToOpen = 3
/** Short, because every request is refused in the meantime. */
const probePauses = { first: 500, longest: 3000 }
const closeMilliseconds = 2000
/** For a cancellation to travel to the server, and for its answer to come back. */
const longestGrace = 2000

/**
 * Opens connections on demand and reuses the most recent one first. A call holds its connection until the server has
 * answered. So no statement waits behind a slow one on the same connection, and a waiting statement was never sent.
 */
export function createPool({ open, maxConnections, waitMilliseconds }: PoolOptions): Pool {
  const idle: Connection[] = []
  const busy = new Set<Connection>()
  const waiting = new Set<Waiter>()
  /** Busy connections that were opened before the server refused a change as read-only. */
  const suspect = new WeakSet<Connection>()
  /** Running cancellations and closes: `close` waits for them. */
  const endings = new Set<Promise<unknown>>()
  let closed = false
  /** What the last server said that cannot be written to, until another one answers or fails. */
  let unfit: string | undefined
  let drained = () => {}

  const settle = (ending: Promise<unknown>) => {
    endings.add(ending)
    void ending.finally(() => endings.delete(ending))
  }
  const breaker = createBreaker({
    failuresToOpen,
    pauses: probePauses,
    clock: () => performance.now(),
    // Idle connections may be half-open: a server that restarted does not know them.
    onOpen: () => destroyIdle(),
  })
  const destroyIdle = () => {
    for (const connection of idle.splice(0)) settle(connection.destroy())
  }
  const isUsable = (connection: Connection) =>
    !connection.isLost() && connection.unfitness() === undefined && !suspect.has(connection)

  /** Cancels first: that needs the connection's server process id. */
  const end = async (connection: Connection, sent: Sent | undefined) => {
    const answers =
      sent !== undefined &&
      connection.hasAnswered() &&
      (await answersCancellation(sent, Math.min(waitMilliseconds, longestGrace)))
    if (answers) breaker.succeeded()
    else breaker.failed()
    await connection.destroy()
  }

  const findFree = (): Connection | undefined => {
    for (let connection = idle.pop(); connection; connection = idle.pop()) {
      if (isUsable(connection)) return connection
      settle(connection.destroy())
    }
    return busy.size < maxConnections ? open() : undefined
  }
  const wait = (call: Call) =>
    new Promise<Connection>((take, refuse) => {
      const giveUp = () => {
        waiting.delete(waiter)
        refuse(unavailable('every connection is busy'))
      }
      const waiter: Waiter = { call, take, refuse, timer: setTimeout(giveUp, waitMilliseconds) }
      waiting.add(waiter)
    })
  const serveWaiting = () => {
    for (const waiter of waiting) {
      const connection = waiter.call.passed ? undefined : findFree()
      if (!connection && !waiter.call.passed) return
      waiting.delete(waiter)
      clearTimeout(waiter.timer)
      if (!connection) continue
      busy.add(connection)
      waiter.take(connection)
    }
  }

  const serveOrDrain = () => {
    if (!closed) serveWaiting()
    else if (busy.size === 0) drained()
  }
  /** Gives running calls some time to end by themselves. */
  const drain = () =>
    new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, closeMilliseconds)
      drained = () => {
        clearTimeout(timer)
        resolve()
      }
      if (busy.size === 0) drained()
    })

  return {
    acquire: async (call) => {
      if (closed) throw unavailable('the database is closed')
      if (!breaker.allows()) throw unavailable(unfit ?? 'the database has been failing')
      const connection = findFree()
      if (!connection) return wait(call)
      busy.add(connection)
      return connection
    },
    release: (connection, end) => {
      if (!busy.delete(connection)) return
      unfit = connection.unfitness()
      if (end === 'read_only') {
        for (const other of busy) suspect.add(other)
        destroyIdle()
      } else if (end === 'lost' || (end === 'answered' && connection.isLost())) breaker.failed()
      else if (end === 'answered') breaker.succeeded()
      if (end !== 'answered' || closed || !isUsable(connection)) settle(connection.destroy())
      else idle.push(connection)
      serveOrDrain()
    },
    abandon: (connection, sent) => {
      settle(end(connection, sent))
      busy.delete(connection)
      serveOrDrain()
    },
    inFlight: () => busy.size + waiting.size,
    isBroken: () => breaker.isOpen(),
    close: async () => {
      closed = true
      for (const waiter of waiting) {
        clearTimeout(waiter.timer)
        waiter.refuse(unavailable('the database is closed'))
      }
      waiting.clear()
      await drain()
      for (const connection of [...idle.splice(0), ...busy]) settle(connection.destroy())
      await Promise.all(endings)
    },
  }
}

/** Whether the server answers the statement in time, once it was asked to stop it. */
async function answersCancellation(sent: Sent, milliseconds: number): Promise<boolean> {
  const late = Promise.withResolvers<boolean>()
  const timer = setTimeout(late.resolve, milliseconds, false)
  const answered = sent.answer.then(
    () => true,
    (error: unknown) => !isConnectionLoss(error),
  )
  void sent.cancel()
  const answers = await Promise.race([answered, late.promise])
  clearTimeout(timer)
  return answers
}
