import { drizzle } from 'drizzle-orm/postgres-js'
import postgres from 'postgres'
import type { Database } from './database.ts'

export type PostgresOptions = {
  url: string
  /** `transaction`: behind PgBouncer or Hyperdrive; no named statements, no session settings. */
  pooler: 'none' | 'transaction'
  /** Past the pooler, for LISTEN. */
  directUrl?: string
  deadlineMilliseconds?: number
  maxConnections?: number
}

/** Opens nothing yet: the first call connects. */
export function openPostgres({ url, pooler, maxConnections = 10 }: PostgresOptions): Database {
  const sql = postgres(url, { max: maxConnections, prepare: pooler === 'none', onnotice: () => {} })
  return {
    kind: 'postgres',
    db: drizzle({ client: sql }),
    stats: () => ({ inFlight: 0, broken: false }),
    close: () => sql.end({ timeout: 2 }),
  }
}
