import { inArray, isNotNull, lt, or, sql } from 'drizzle-orm'
import type { Db } from '../db/database.ts'
import { revocations, serviceState } from '../db/schema.ts'
import { addRevocationRule, currentTransaction, instant, interval } from './rule-queries.ts'

/**
 * Expired and lifted rows are kept this long, for readers that were offline and for verifiers with slow clocks. A
 * reader that was offline for longer loads the whole list.
 */
export const keptForReadersSeconds = 3600

/**
 * Stores the largest token lifetime ever configured. A smaller value changes nothing. Extends the rules on the list by
 * the difference, because a scheduled rule may later cover tokens with the new lifetime. Starts a new
 * generation of the key ring, so that every instance learns the new lifetime.
 */
export async function raiseLargestTokenTtl(db: Db, seconds: number): Promise<void> {
  await db.transaction(async (tx) => {
    const [state] = await tx.select({ largest: serviceState.largestTokenTtlSeconds }).from(serviceState).for('update')
    if (!state || state.largest >= seconds) return
    await tx.update(serviceState).set({
      largestTokenTtlSeconds: seconds,
      ringGeneration: sql`${serviceState.ringGeneration} + 1`,
    })
    await tx
      .update(revocations)
      .set({
        expiresAt: sql`${revocations.expiresAt} + ${interval(seconds - state.largest)}`,
        xactId: currentTransaction,
      })
      .where(isNotNull(revocations.expiresAt))
  })
}

/**
 * Call after restoring a database from a backup: rules and rotations since the backup are lost, and transaction ids
 * went back. The new generation makes every reader load the whole list. All tokens issued until now are revoked,
 * because the lost rules are unknown. Does not revoke API keys again whose revocation was lost. Returns the new
 * generation.
 */
export async function startNewGeneration(
  tx: Db,
  now: Date,
  options: { clockToleranceSeconds?: number; actor?: string } = {},
): Promise<number> {
  const { clockToleranceSeconds = 30, actor = 'system' } = options
  const [state] = await tx
    .update(serviceState)
    .set({ revocationGeneration: sql`greatest(${serviceState.revocationGeneration} + 1, ${now.getTime()}::bigint)` })
    .returning({ generation: serviceState.revocationGeneration })
  if (!state) throw new Error('the database was never started: it has no service_state')
  // Transaction ids of the old cluster may be higher than the new ones. Without this, every poll would read these rows
  // again.
  await tx.update(revocations).set({ xactId: currentTransaction })
  const everything = { kind: 'all', value: '*', organizationId: null, reason: 'restored from a backup', actor } as const
  await addRevocationRule(
    tx,
    { ...everything, issuedBefore: now, effectiveAt: now, expires: 'when_dead' },
    clockToleranceSeconds,
    now,
  )
  return state.generation
}

/**
 * Deletes rules that expired or were lifted so long ago that no reader needs them. Uses the earlier of the service's
 * and the database's clock, so that a fast clock cannot make revoked tokens valid again. Deletes at most 10,000 rows
 * per call and returns how many.
 */
export async function pruneRevocations(db: Db, now: Date): Promise<number> {
  const before = sql`least(${instant(now)}, clock_timestamp()) - ${interval(keptForReadersSeconds)}`
  const useless = db
    .select({ id: revocations.id })
    .from(revocations)
    .where(or(lt(revocations.expiresAt, before), lt(revocations.liftedAt, before)))
    .limit(10_000)
  const pruned = await db.delete(revocations).where(inArray(revocations.id, useless)).returning({ id: revocations.id })
  return pruned.length
}
