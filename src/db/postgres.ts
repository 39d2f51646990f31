import { drizzle } from 'drizzle-orm/postgres-js'
import { runsOnWorkers } from '../kit/runtime.ts'
import type { WireTypes } from './connection.ts'
import type { Database } from './database.ts'
import { type Budget, defaultDeadlineMilliseconds, limitOf } from './deadline.ts'
import { guardedClient } from './guarded-client.ts'
import { createHosts, openOn } from './hosts.ts'
import { createDatabaseListener } from './listener.ts'
import { createPool } from './pool.ts'
import { pooledBegin } from './pooled-statement.ts'
import { createRefusedWrites } from './refused-writes.ts'
import { pooledSettings, sessionSettings } from './session-settings.ts'
import { completeWireTypes } from './wire-types.ts'

export type PostgresOptions = {
  /**
   * `postgres://…`, with several hosts if you like: `postgres://mintage@first:5432,second:5432/mintage`. Uses the host
   * that is a primary.
   */
  url: string
  /**
   * `transaction`: behind PgBouncer or Hyperdrive. Then there are no named statements, each statement runs in
   * a transaction with its own settings, and LISTEN works only through `directUrl`.
   */
  pooler: 'none' | 'transaction'
  /** Bypasses the pooler; for LISTEN. */
  directUrl?: string
  /** For each statement and each whole transaction, including waiting and connecting. */
  deadlineMilliseconds?: number
  maxConnections?: number
  /** Connections for `reads` alone; 0: `reads` is absent. */
  readConnections?: number
}

/**
 * Does not connect: the first call does. While the server is gone, silent or full, every call fails within its deadline
 * with `database_unavailable` or `outcome_unknown`. After a few failures calls fail without trying. Recovers by itself.
 *
 * @example
 * ```ts
 * import { openPostgres } from 'mintage'
 *
 * const database = openPostgres({ url: 'postgres://mintage@localhost/mintage', pooler: 'none' })
 * await database.close()
 * ```
 */
export function openPostgres(options: PostgresOptions): Database {
  const { url, pooler, deadlineMilliseconds = defaultDeadlineMilliseconds } = options
  const { maxConnections = 10, readConnections = 4 } = options
  const hosts = createHosts(url)
  const refusedWrites = createRefusedWrites()
  const limits = {
    // After our deadline, so that one slow change has one answer: ours. For a server that does not hear the cancellation.
    statement_timeout: Math.ceil(1.25 * deadlineMilliseconds),
    // With the wait for a connection still before the deadline. Then the server says that it was a lock, and the
    // database counts as answering.
    lock_timeout: Math.ceil(0.4 * deadlineMilliseconds),
    idle_in_transaction_session_timeout: 2 * deadlineMilliseconds,
  }
  // Hyperdrive has not been tried with parameters.
  const pooled = runsOnWorkers() ? {} : pooledSettings
  const parameters = pooler === 'none' ? { ...sessionSettings, ...limits } : pooled
  const wireTypes: WireTypes = { parsers: {}, serializers: {} }
  const open = (connections: number) => {
    const pool = createPool({
      open: () =>
        openOn(hosts, {
          prepare: pooler === 'none',
          connectMilliseconds: deadlineMilliseconds / hosts.count,
          parameters,
          wireTypes,
        }),
      maxConnections: connections,
      waitMilliseconds: deadlineMilliseconds / 2,
    })
    const begin = pooler === 'none' ? { begin: 'begin' } : { begin: pooledBegin(limits), isPooled: true }
    const transactions = { hosts: hosts.count, refusedWrites, ...begin }
    const client = (types: WireTypes, budget?: Budget) =>
      guardedClient({ pool, wireTypes: types, limit: limitOf(deadlineMilliseconds, budget), ...transactions })
    return {
      pool,
      db: drizzle({ client: client(wireTypes) }),
      // Drizzle changes the types of each client that it gets, and those of the connections are complete.
      within: (budget: Budget) => drizzle({ client: client({ parsers: {}, serializers: {} }, budget) }),
    }
  }
  const { pool, db, within } = open(maxConnections)
  const reads = readConnections === 0 ? undefined : open(readConnections)
  completeWireTypes(wireTypes)

  const listenUrl = pooler === 'none' ? (options.directUrl ?? url) : options.directUrl
  const listener =
    listenUrl === undefined ? undefined : createDatabaseListener(createHosts(listenUrl), deadlineMilliseconds)
  return {
    kind: 'postgres',
    db,
    within,
    ...(reads && { reads: reads.db }),
    ...(listener && { listen: listener.listen }),
    stats: () => ({
      inFlight: pool.inFlight() + (reads?.pool.inFlight() ?? 0),
      broken: pool.isBroken() || reads?.pool.isBroken() === true,
      refusedWrites: refusedWrites.counts(),
      refusedLately: refusedWrites.latest(),
    }),
    close: async () => {
      await Promise.all([pool.close(), reads?.pool.close(), listener?.close()])
    },
  }
}
