import { drizzle } from 'drizzle-orm/postgres-js'
import { openConnection, type WireTypes } from './connection.ts'
import type { Database } from './database.ts'
import { defaultDeadlineMilliseconds } from './deadline.ts'
import { guardedClient } from './guarded-client.ts'
import { createListener } from './listener.ts'
import { createPool } from './pool.ts'
import { completeWireTypes } from './wire-types.ts'

export type PostgresOptions = {
  url: string
  /** `transaction`: behind PgBouncer or Hyperdrive; no named statements, no session settings, LISTEN only past it. */
  pooler: 'none' | 'transaction'
  /** Past the pooler, for LISTEN. */
  directUrl?: string
  /** Of each statement and of each whole transaction, waiting and connecting included. */
  deadlineMilliseconds?: number
  maxConnections?: number
}

/**
 * Opens nothing yet: the first call connects. A server that is gone, silent or full makes every call fail within its deadline with
 * `database_unavailable` or `outcome_unknown`, soon without trying, and is found again by itself.
 */
export function openPostgres(options: PostgresOptions): Database {
  const { url, pooler, deadlineMilliseconds = defaultDeadlineMilliseconds, maxConnections = 10 } = options
  const limits = {
    statement_timeout: deadlineMilliseconds,
    idle_in_transaction_session_timeout: 2 * deadlineMilliseconds,
  }
  const wireTypes: WireTypes = { parsers: {}, serializers: {} }
  const pool = createPool({
    open: () =>
      openConnection({
        url,
        prepare: pooler === 'none',
        connectMilliseconds: deadlineMilliseconds,
        parameters: pooler === 'none' ? limits : {},
        wireTypes,
      }),
    maxConnections,
    waitMilliseconds: deadlineMilliseconds / 2,
  })
  const db = drizzle({
    client: guardedClient({
      pool,
      wireTypes,
      deadlineMilliseconds,
      begin: pooler === 'none' ? 'begin' : beginWith(limits),
    }),
  })
  completeWireTypes(wireTypes)

  const listenUrl = pooler === 'none' ? (options.directUrl ?? url) : options.directUrl
  const listener = listenUrl === undefined ? undefined : createListener(listenUrl, deadlineMilliseconds)
  return {
    kind: 'postgres',
    db,
    ...(listener && { listen: listener.listen }),
    stats: () => ({ inFlight: pool.inFlight(), broken: pool.isBroken() }),
    close: async () => {
      await Promise.all([pool.close(), listener?.close()])
    },
  }
}

/** One message, so that the limits cost no round trip of their own; `set local` ends with the transaction, which a pooler needs. */
function beginWith(limits: Record<string, number>): string {
  return ['begin', ...Object.entries(limits).map(([name, value]) => `set local ${name} = ${value}`)].join('; ')
}
