import { createBreaker } from './breaker.ts'
import type { Connection, Sent } from './connection.ts'
import { type Call, unavailable } from './deadline.ts'

export type Pool = {
  /** A connection for this call alone. Throws `database_unavailable` if none is free within `waitMilliseconds`. */
  acquire(call: Call): Promise<Connection>
  /**
   * Takes a connection back. `answered`: the server's last answer arrived, good or bad. `stale`: the connection had
   * died while idle, which says nothing about the server now. Ignores a connection that was abandoned.
   */
  release(connection: Connection, end: 'answered' | 'lost' | 'stale'): void
  /** After a deadline: cancels the running statement on the server and closes the connection. */
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
const retryMilliseconds = 500
const closeMilliseconds = 2000

/**
 * Opens connections on demand and reuses the most recent one first. A call holds its connection until the server has
 * answered. So no statement waits behind a slow one on the same connection, and a waiting statement was never sent.
 */
export function createPool({ open, maxConnections, waitMilliseconds }: PoolOptions): Pool {
  const idle: Connection[] = []
  const busy = new Set<Connection>()
  const waiting = new Set<Waiter>()
  /** Running cancellations and closes: `close` waits for them. */
  const endings = new Set<Promise<unknown>>()
  let closed = false
  let drained = () => {}

  const settle = (ending: Promise<unknown>) => {
    endings.add(ending)
    void ending.finally(() => endings.delete(ending))
  }
  const breaker = createBreaker({
    failuresToOpen,
    retryMilliseconds,
    clock: () => performance.now(),
    // Idle connections may be half-open: a server that restarted does not know them.
    onOpen: () => {
      for (const connection of idle.splice(0)) settle(connection.destroy())
    },
  })

  const findFree = (): Connection | undefined => {
    for (let connection = idle.pop(); connection; connection = idle.pop()) if (!connection.isLost()) return connection
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
      if (!breaker.allows()) throw unavailable('the database has been failing')
      const connection = findFree()
      if (!connection) return wait(call)
      busy.add(connection)
      return connection
    },
    release: (connection, end) => {
      if (!busy.delete(connection)) return
      const lost = end !== 'answered' || connection.isLost()
      if (!lost) breaker.succeeded()
      else if (end !== 'stale') breaker.failed()
      if (lost || closed) settle(connection.destroy())
      else idle.push(connection)
      serveOrDrain()
    },
    abandon: (connection, sent) => {
      breaker.failed()
      // Cancel first: it needs the connection's server process id.
      if (sent) settle(sent.cancel())
      settle(connection.destroy())
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
