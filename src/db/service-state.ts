import { eq, sql } from 'drizzle-orm'
import type { Db } from './database.ts'
import { serviceState } from './schema.ts'

type ServiceState = typeof serviceState.$inferSelect

/**
 * Claims the bootstrap of an empty database. The one row of `service_state` is the lock: of several concurrent
 * callers one gets true; the others wait for its transaction and get false once it has committed.
 */
export async function claimBootstrap(tx: Db, first: { largestTokenTtlSeconds: number; now: Date }): Promise<boolean> {
  const claimed = await tx
    .insert(serviceState)
    .values({
      ringGeneration: 1,
      revocationGeneration: first.now.getTime(),
      largestTokenTtlSeconds: first.largestTokenTtlSeconds,
      createdAt: first.now,
    })
    .onConflictDoNothing()
    .returning({ id: serviceState.id })
  return claimed.length === 1
}

/** Undefined while the database is empty. */
export async function findServiceState(db: Db): Promise<ServiceState | undefined> {
  const [state] = await db.select().from(serviceState).where(eq(serviceState.id, 1)).limit(1)
  return state
}

/** The clock of the database: readiness compares the service's clock with it. */
export async function readDatabaseClock(db: Db): Promise<Date> {
  const [row] = await db
    .select({ milliseconds: sql<string>`extract(epoch from clock_timestamp()) * 1000` })
    .from(sql`(select 1) as one`)
  return new Date(Number(row?.milliseconds))
}
