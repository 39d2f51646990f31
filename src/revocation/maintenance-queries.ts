import { and, asc, inArray, isNotNull, lt, or, sql } from 'drizzle-orm'
import type { Db } from '../db/database.ts'
import { revocationState, revocations } from '../db/schema.ts'
import { addRevocationRule, instant, interval } from './rule-queries.ts'

/**
 * Expired and lifted rows are kept this long, for readers that were offline and for verifiers with slow clocks. A
 * reader that was offline for longer loads the whole list.
 */
export const keptForReadersSeconds = 3600

/** Rules that one transaction changes: until it commits, nobody else can write a rule. */
const batchSize = 1000

/**
 * Stores the largest token lifetime ever configured. A smaller value changes nothing. First extends the rules on the
 * list by the difference, because a scheduled rule may later cover tokens with the new lifetime. If it is interrupted,
 * or if several callers do it at once, no rule is extended twice. `announce` runs in the transaction that stores the
 * lifetime, before that transaction locks the rules.
 */
export async function raiseLargestTokenTtl(
  db: Db,
  seconds: number,
  announce: (tx: Db) => Promise<unknown>,
): Promise<void> {
  while ((await db.transaction((tx) => extendRules(tx, seconds, batchSize))) === batchSize);
  await db.transaction(async (tx) => {
    if ((await largestTokenTtl(tx)) >= seconds) return
    await announce(tx)
    // A statement of its own: the next one sees every rule that was written with the previous lifetime.
    await tx.select().from(revocationState).for('no key update')
    await extendRules(tx, seconds)
    await tx
      .update(revocationState)
      .set({ largestTokenTtlSeconds: seconds })
      .where(lt(revocationState.largestTokenTtlSeconds, seconds))
  })
}

async function largestTokenTtl(db: Db): Promise<number> {
  const [state] = await db.select({ seconds: revocationState.largestTokenTtlSeconds }).from(revocationState)
  return state?.seconds ?? Number.POSITIVE_INFINITY
}

/** Extends rules that do not count on this lifetime yet. Returns how many. */
async function extendRules(tx: Db, seconds: number, limit?: number): Promise<number> {
  const largest = sql`(select ${revocationState.largestTokenTtlSeconds} from ${revocationState} for share)`
  const counted = sql`coalesce(${revocations.extendedToSeconds}, ${largest})`
  const short = tx
    .select({ id: revocations.id })
    .from(revocations)
    .where(and(isNotNull(revocations.expiresAt), lt(counted, seconds)))
    .orderBy(asc(revocations.sequence))
    .$dynamic()
  const extended = await tx
    .update(revocations)
    .set({
      // Computed from the row as it is when it is locked: another caller may have extended it meanwhile.
      expiresAt: sql`${revocations.expiresAt} + make_interval(secs => greatest(0, ${seconds}::float8 - ${counted}))`,
      extendedToSeconds: sql`greatest(${revocations.extendedToSeconds}, ${seconds}::int)`,
    })
    .where(inArray(revocations.id, limit === undefined ? short : short.limit(limit)))
    .returning({ id: revocations.id })
  return extended.length
}

/**
 * Call after restoring a database from a backup: rules and rotations since the backup are lost, and numbers went back.
 * The new generation makes every reader load the whole list. All tokens issued until now are revoked, because the lost
 * rules are unknown. Does not revoke API keys again whose revocation was lost. Returns the new generation.
 */
export async function startNewGeneration(
  tx: Db,
  now: Date,
  options: { clockToleranceSeconds?: number; actor?: string } = {},
): Promise<number> {
  const { clockToleranceSeconds = 30, actor = 'system' } = options
  const [state] = await tx
    .update(revocationState)
    .set({ generation: sql`greatest(${revocationState.generation} + 1, ${now.getTime()}::bigint)` })
    .returning({ generation: revocationState.generation })
  if (!state) throw new Error('the database was never started: it has no revocation_state')
  const everything = { kind: 'all', value: '*', organizationId: null, reason: 'restored from a backup', actor } as const
  await addRevocationRule(tx, { ...everything, issuedBefore: now, expires: 'when_dead' }, clockToleranceSeconds, now)
  return state.generation
}

const mostBatches = 10

/**
 * Deletes rules that expired or were lifted so long ago that no reader needs them. Uses the earlier of the service's
 * and the database's clock, so that a fast clock cannot make revoked tokens valid again. A trigger stores the highest
 * deleted number in the same transaction. Deletes at most 10,000 rows per call and returns how many.
 */
export async function pruneRevocations(db: Db, now: Date): Promise<number> {
  let pruned = 0
  for (let batch = 0; batch < mostBatches; batch++) {
    const deleted = await db.transaction((tx) => pruneBatch(tx, now))
    pruned += deleted
    if (deleted < batchSize) break
  }
  return pruned
}

async function pruneBatch(tx: Db, now: Date): Promise<number> {
  const before = sql`least(${instant(now)}, clock_timestamp()) - ${interval(keptForReadersSeconds)}`
  const useless = tx
    .select({ id: revocations.id })
    .from(revocations)
    .where(or(lt(revocations.expiresAt, before), lt(revocations.liftedAt, before)))
    .limit(batchSize)
  const deleted = await tx.delete(revocations).where(inArray(revocations.id, useless)).returning({ id: revocations.id })
  return deleted.length
}
