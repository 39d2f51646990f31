import { and, gt, isNull, or, type SQL, sql } from 'drizzle-orm'
import type { Database, Db } from '../db/database.ts'
import { revocations, serviceState } from '../db/schema.ts'
import { refuseReplica } from '../db/server-role.ts'
import { pageSize } from '../kit/revocation/full-load.ts'
import type { RevocableToken } from '../kit/revocation/revocation-list.ts'
import { covers, namesOfToken } from '../kit/revocation/rules.ts'
import type { RevocationSource } from '../kit/revocation/synced.ts'
import type { RevocationBatch, RevocationRow } from '../kit/revocation/synced-rules.ts'

/** The database sends a NOTIFY on this channel when the list changes. */
const revocationChannel = 'mintage_revocations'

/**
 * The service's own tables as the source of a synced list. Throws when the database is a replica, because a replica may
 * be stale.
 */
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
          minVersion: rule.minVersion,
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
    refuseReplica(first.replica)
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
 * Whether a committed rule revokes the token. The effects of this transaction do not count: who lifts the rule about
 * their own token is still revoked, and who revokes their own token may do so. Does not check signature, claims and
 * expiry.
 */
export async function isTokenRevoked(tx: Db, token: RevocableToken, now: Date): Promise<boolean> {
  const named = namesOfToken(token).map((name) => {
    const colon = name.indexOf(':')
    return sql`(${revocations.kind}, ${revocations.value}) = (${name.slice(0, colon)}, ${name.slice(colon + 1)})`
  })
  const isOurs = sql`${revocations.xactId} = pg_current_xact_id()`
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
  | 'xactId'
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
