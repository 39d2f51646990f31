import { eq, sql } from 'drizzle-orm'
import type { Db } from './database.ts'
import { databaseFailure } from './failure.ts'
import { revocationState, serviceState } from './schema.ts'
import { inRecovery, readOnly } from './server-role.ts'

type ServiceState = typeof serviceState.$inferSelect

/**
 * Claims the bootstrap of an empty database. The one row of `service_state` is the lock: of several concurrent
 * callers one gets true; the others wait for its transaction and get false once it has committed.
 */
export async function claimBootstrap(tx: Db, first: { largestTokenTtlSeconds: number; now: Date }): Promise<boolean> {
  const claimed = await tx
    .insert(serviceState)
    .values({ ringGeneration: 1, createdAt: first.now })
    .onConflictDoNothing()
    .returning({ id: serviceState.id })
  if (claimed.length === 0) return false
  const { largestTokenTtlSeconds, now } = first
  await tx.insert(revocationState).values({ generation: now.getTime(), largestTokenTtlSeconds })
  return true
}

/** Undefined while the database is empty. */
export async function findServiceState(db: Db): Promise<ServiceState | undefined> {
  const [state] = await db.select().from(serviceState).where(eq(serviceState.id, 1)).limit(1)
  return state
}

/** The clock of the database, and why its server cannot be used; readiness compares the clock with the service's. */
export async function readServerState(db: Db): Promise<{ clock: Date; unfitness: string | undefined }> {
  const [row] = await db
    .select({
      milliseconds: sql<string>`extract(epoch from clock_timestamp()) * 1000`,
      replica: sql<boolean>`pg_is_in_recovery()`,
      readOnly: sql<boolean>`current_setting('transaction_read_only') = 'on'`,
    })
    .from(sql`(select 1) as one`)
  return {
    clock: new Date(Number(row?.milliseconds)),
    unfitness: row?.replica ? inRecovery : row?.readOnly ? readOnly : undefined,
  }
}

/** The reason if the database did not answer because its server is a standby or read-only. */
export function unfitnessIn(error: unknown): string | undefined {
  const reason = databaseFailure(error)?.reason
  return reason === inRecovery || reason === readOnly ? reason : undefined
}
