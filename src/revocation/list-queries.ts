import { and, asc, eq, gt, isNull, or, sql } from 'drizzle-orm'
import type { Database, Db } from '../db/database.ts'
import { revocationState, revocations } from '../db/schema.ts'
import { refuseReplica } from '../db/server-role.ts'
import type { RevocableToken } from '../kit/revocation/revocation-list.ts'
import { covers, namesOfToken } from '../kit/revocation/rules.ts'
import { pageSize, type RevocationSource } from '../kit/revocation/synced.ts'
import type { RevocationBatch, RevocationRow } from '../kit/revocation/synced-rules.ts'

/** The database sends a NOTIFY on this channel when the list changes. */
const revocationChannel = 'mintage_revocations'

/**
 * The service's own tables as the source of a synced list. Throws when the database is a replica, because a replica may
 * be stale.
 */
export function serviceRevocationSource(db: Db, database?: Pick<Database, 'listen'>): RevocationSource {
  async function read(after: number): Promise<RevocationBatch> {
    const rule = db
      .select()
      .from(revocations)
      .where(gt(revocations.sequence, after))
      .orderBy(asc(revocations.sequence))
      .limit(pageSize)
      .as('rule')
    const found = await db
      .select({
        row: {
          id: rule.id,
          kind: rule.kind,
          value: rule.value,
          minVersion: rule.minVersion,
          maxVersion: rule.maxVersion,
          issuedBefore: rule.issuedBefore,
          effectiveAt: rule.effectiveAt,
          expiresAt: rule.expiresAt,
          liftedAt: rule.liftedAt,
          sequence: rule.sequence,
        },
        generation: revocationState.generation,
        sequence: lastSequence,
        prunedUpTo: revocationState.prunedUpTo,
        replica: sql<boolean>`pg_is_in_recovery()`,
      })
      .from(revocationState)
      .leftJoin(rule, sql`true`)
      .where(eq(revocationState.id, 1)) // so that the planner expects one row
      .orderBy(asc(rule.sequence))
    const [first] = found
    if (!first) throw new Error('the database was never started: it has no revocation_state')
    refuseReplica(first.replica)
    const { generation, sequence, prunedUpTo } = first
    const rows = found.flatMap(({ row }) => (row === null ? [] : [revocationRow(row)]))
    return { rows, generation, sequence, prunedUpTo }
  }

  const listen = database?.listen
  return listen ? { read, listen: (onChange) => listen(revocationChannel, onChange) } : { read }
}

/** The number of the list, from the index of the rules: every rule with a number up to this one is committed. */
const lastSequence =
  sql<number>`greatest(${revocationState.prunedUpTo}, (select max(${revocations.sequence}) from ${revocations}))`.mapWith(
    Number,
  )

/**
 * Whether a committed rule revokes the token. The effects of this transaction do not count: who lifts the rule about
 * their own token is still revoked, and who revokes their own token may do so. Does not check signature, claims and
 * expiry.
 */
export async function isTokenRevoked(tx: Db, token: RevocableToken, now: Date): Promise<boolean> {
  const named = namesOfToken(token).map((name) => {
    const colon = name.indexOf(':')
    return sql`(${revocations.kind}, ${revocations.value}) = (${name.slice(0, colon)}, ${name.slice(colon + 1)})`
  })
  // The trigger that numbers rules remembers the last number of other transactions.
  const isOurs = sql`${revocations.sequence} > coalesce(nullif(current_setting('mintage.revocations_before', true), '')::bigint, ${Number.MAX_SAFE_INTEGER})`
  const rules = await tx
    .select()
    .from(revocations)
    .where(and(or(...named), sql`(${isNull(revocations.liftedAt)}) = not ${isOurs}`))
  return rules.some((rule) => covers(revocationRow(rule), token, now.getTime() / 1000))
}

type StoredRule = Pick<
  typeof revocations.$inferSelect,
  | 'id'
  | 'kind'
  | 'value'
  | 'minVersion'
  | 'maxVersion'
  | 'issuedBefore'
  | 'effectiveAt'
  | 'expiresAt'
  | 'liftedAt'
  | 'sequence'
>

function revocationRow({ issuedBefore, effectiveAt, expiresAt, liftedAt, ...row }: StoredRule): RevocationRow {
  const seconds = (date: Date | null) => (date === null ? null : date.getTime() / 1000)
  return {
    ...row,
    issuedBefore: seconds(issuedBefore),
    effectiveAt: seconds(effectiveAt),
    expiresAt: seconds(expiresAt),
    lifted: liftedAt !== null,
  }
}
