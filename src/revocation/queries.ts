import { and, eq, gt, inArray, isNotNull, isNull, lt, or, type SQL, sql } from 'drizzle-orm'
import { newId } from '../crypto/random.ts'
import type { Database, Db } from '../db/database.ts'
import { revocations, serviceState } from '../db/schema.ts'
import { pageSize } from '../kit/revocation/full-load.ts'
import type { RevocationKind } from '../kit/revocation/revocation-list.ts'
import { lastCoveredIssue } from '../kit/revocation/rules.ts'
import type { RevocationSource } from '../kit/revocation/synced.ts'
import type { RevocationBatch, RevocationRow } from '../kit/revocation/synced-rules.ts'

export type NewRevocationRule = {
  kind: RevocationKind
  /** jti · client_id · `org_id sub` joined by one space · org_id · kid · `*`. */
  value: string
  /** `api_key` only: covers versions up to this one. */
  maxVersion?: number
  /** Tokens issued until the end of this second die; without it all do, whenever issued. */
  issuedBefore?: Date
  effectiveAt: Date
  /** `when_dead`: when nothing that it covers can be alive any more; where there is no such instant, the rule stays all the same. */
  expires: 'when_dead' | 'never'
  organizationId: string | null
  reason: string
  /** What the caller added in words of its own. */
  reasonText?: string | undefined
  /** Client id of the caller, or `system`. */
  actor: string
}

/** The channel on which the database says that the list changed. */
export const revocationChannel = 'mintage_revocations'

/**
 * Lifted and expired rows stay this long for readers that were away and for verifiers whose clocks run slow; a reader that was away longer
 * than that loads in full.
 */
export const keptForReadersSeconds = 3600

/** The service's own tables as the source of a synced list. Refuses a replica. */
export function serviceRevocationSource(db: Db, database?: Pick<Database, 'listen'>): RevocationSource {
  async function read(wanted: SQL, limit?: number): Promise<RevocationBatch> {
    const rules = db.select().from(revocations).where(wanted).orderBy(revocations.id).$dynamic()
    const rule = (limit === undefined ? rules : rules.limit(limit)).as('rule')
    const found = await db
      .select({
        row: {
          id: rule.id,
          kind: rule.kind,
          value: rule.value,
          maxVersion: rule.maxVersion,
          issuedBefore: rule.issuedBefore,
          effectiveAt: rule.effectiveAt,
          expiresAt: rule.expiresAt,
          liftedAt: rule.liftedAt,
          xactId: rule.xactId,
        },
        generation: serviceState.revocationGeneration,
        snapshot: sql<string>`pg_current_snapshot()::text`,
        replica: sql<boolean>`pg_is_in_recovery()`,
      })
      .from(serviceState)
      .leftJoin(rule, sql`true`)
      .orderBy(rule.id)
    const [first] = found
    if (!first) throw new Error('the database was never started: it has no service_state')
    if (first.replica) throw new Error('the database is a replica, which answers and is stale')
    const rows = found.flatMap(({ row }) => (row === null ? [] : [revocationRow(row)]))
    return { rows, generation: first.generation, snapshot: first.snapshot }
  }

  const source: RevocationSource = {
    read: (from) => read(sql`${revocations.xactId} >= ${from.toString()}::xid8`),
    readPage: (afterId) => read(gt(revocations.id, afterId), pageSize),
  }
  const listen = database?.listen
  return listen ? { ...source, listen: (onChange) => listen(revocationChannel, onChange) } : source
}

/**
 * Puts a rule on the list, in the transaction of the change that it belongs to. Its expiry is computed by the statement itself from the
 * largest token lifetime ever configured, under a lock that keeps that from being raised meanwhile. Gives the rule's id.
 */
export async function addRevocationRule(
  tx: Db,
  rule: NewRevocationRule,
  clockToleranceSeconds: number,
  now: Date,
): Promise<string> {
  const row = newRow(rule, clockToleranceSeconds, now)
  await tx.insert(revocations).values(row)
  return row.id
}

/** As `addRevocationRule`, for at most a thousand rules in one statement. */
export async function addRevocationRules(
  tx: Db,
  rules: readonly NewRevocationRule[],
  tolerance: number,
  now: Date,
): Promise<void> {
  if (rules.length === 0) return
  await tx.insert(revocations).values(rules.map((rule) => newRow(rule, tolerance, now)))
}

/**
 * Takes a rule off the list: what only it covered is alive again. False when it was lifted before or is not there. The row stays for the
 * readers that poll, until it is pruned.
 */
export async function liftRevocationRule(tx: Db, id: string, now: Date): Promise<boolean> {
  const lifted = await tx
    .update(revocations)
    .set({ liftedAt: now, xactId: currentTransaction })
    .where(and(eq(revocations.id, id), isNull(revocations.liftedAt)))
    .returning({ id: revocations.id })
  return lifted.length === 1
}

/**
 * Ends the open rules of a disabled key or a suspended organization: tokens from before the resumption stay dead, later ones live. Gives
 * how many rules it closed. See `issuedBeforeAfterResume` for the instant. With `effectiveAt`, only those of that instant: whoever enables
 * what it disabled then must not end a rule that somebody laid over it for another reason.
 */
export async function closeOpenRules(
  tx: Db,
  name: { kind: 'api_key' | 'organization'; value: string; effectiveAt?: Date },
  tolerance: number,
  now: Date,
) {
  const issuedBefore = sql`greatest(${instant(now)}, ${revocations.effectiveAt} + ${interval(tolerance)})`
  const closed = await tx
    .update(revocations)
    .set({ issuedBefore, expiresAt: withTokenLifetime(issuedBefore, tolerance), xactId: currentTransaction })
    .where(
      and(
        eq(revocations.kind, name.kind),
        eq(revocations.value, name.value),
        name.effectiveAt === undefined ? undefined : eq(revocations.effectiveAt, name.effectiveAt),
        isNull(revocations.issuedBefore),
        isNull(revocations.expiresAt),
        isNull(revocations.liftedAt),
      ),
    )
    .returning({ id: revocations.id })
  return closed.length
}

/**
 * Remembers the largest token lifetime ever configured; a smaller one changes nothing. Rules still on the list live longer by the
 * difference: a scheduled one may come to cover tokens of the new lifetime.
 */
export async function raiseLargestTokenTtl(db: Db, seconds: number): Promise<void> {
  await db.transaction(async (tx) => {
    const [state] = await tx.select({ largest: serviceState.largestTokenTtlSeconds }).from(serviceState).for('update')
    if (!state || state.largest >= seconds) return
    await tx.update(serviceState).set({ largestTokenTtlSeconds: seconds })
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
 * For a database that was restored from a backup: rules and rotations since the backup are lost, and transaction ids went back. The new
 * generation makes every reader load in full, and everything issued until now dies, because nobody knows any more what was revoked. Does
 * not revoke again the API keys whose revocation was lost. Gives the new generation.
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
  // Ids from the old cluster may lie above those of the new one: every poll would read these rows again.
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
 * Deletes what no reader needs any more: long expired, or long lifted. By the earlier of two clocks, the service's and the database's: one
 * that runs ahead must not bring tokens back to life. Gives how many rows went, at most 10,000 a call.
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

/** Each change of a row says which transaction made it: that is how readers find it. */
const currentTransaction = sql`pg_current_xact_id()`

function newRow(rule: NewRevocationRule, tolerance: number, now: Date) {
  const {
    kind,
    value,
    maxVersion = null,
    issuedBefore = null,
    effectiveAt,
    organizationId,
    reason,
    reasonText = null,
    actor,
  } = rule
  return {
    id: newId('rev'),
    kind,
    value,
    maxVersion: kind === 'api_key' ? maxVersion : null,
    issuedBefore: kind === 'signing_key' ? null : issuedBefore,
    effectiveAt,
    expiresAt: rule.expires === 'never' ? null : expiryOf({ kind, issuedBefore, effectiveAt }, tolerance),
    organizationId,
    reason,
    reasonText,
    actor,
    createdAt: now,
  }
}

function expiryOf(
  rule: { kind: RevocationKind; issuedBefore: Date | null; effectiveAt: Date },
  tolerance: number,
): SQL | null {
  const issuedBefore = rule.issuedBefore ? rule.issuedBefore.getTime() / 1000 : null
  const lastIssue = lastCoveredIssue({ kind: rule.kind, issuedBefore, effectiveAt: rule.effectiveAt.getTime() / 1000 })
  return lastIssue === null ? null : withTokenLifetime(instant(new Date(lastIssue * 1000)), tolerance)
}

/** `issue`, rounded up to the second in which tokens are issued, + the largest lifetime + the tolerance. Null (never) without a state. */
function withTokenLifetime(issue: SQL, tolerance: number): SQL {
  const lifetime = sql`make_interval(secs => ${serviceState.largestTokenTtlSeconds} + ${tolerance}::float8)`
  return sql`(select to_timestamp(ceil(extract(epoch from ${issue}))) + ${lifetime} from ${serviceState} for share)`
}

function instant(date: Date): SQL {
  return sql`${date.toISOString()}::timestamptz`
}

function interval(seconds: number): SQL {
  return sql`make_interval(secs => ${seconds}::float8)`
}

type StoredRule = Pick<
  typeof revocations.$inferSelect,
  'id' | 'kind' | 'value' | 'maxVersion' | 'issuedBefore' | 'effectiveAt' | 'expiresAt' | 'liftedAt' | 'xactId'
>

function revocationRow({ issuedBefore, effectiveAt, expiresAt, liftedAt, ...row }: StoredRule): RevocationRow {
  const seconds = (date: Date | null) => (date === null ? null : date.getTime() / 1000)
  return {
    ...row,
    issuedBefore: seconds(issuedBefore),
    effectiveAt: effectiveAt.getTime() / 1000,
    expiresAt: seconds(expiresAt),
    lifted: liftedAt !== null,
  }
}
