import { and, eq, exists, inArray, isNotNull, isNull, lt, not, or, type SQL, sql } from 'drizzle-orm'
import { isAlive } from '../access/live-key-queries.ts'
import type { Db } from '../db/database.ts'
import { apiKeys, apiKeyVersions } from '../db/schema.ts'
import { hasExpiringRule, liftLastingRules } from '../revocation/subject-queries.ts'
import { hasLiveToken } from '../usage/queries.ts'
import { deleteApiKeyRows } from './deletion-queries.ts'

/**
 * Marks at most `limit` keys whose rotation is due soon as reminded, once a period, and returns what the reminders say.
 * A period begins with a new version. Dead and disabled keys are skipped. `aheadSeconds`: reminded at most this early,
 * and a short period in its last quarter.
 */
export async function markRotationsDue(
  tx: Db,
  { aheadSeconds, limit }: { aheadSeconds: number; limit: number },
  now: Date,
) {
  const at = sql`${now.toISOString()}::timestamptz`
  const due = sql`${apiKeyVersions.createdAt} + make_interval(secs => ${apiKeys.rotateEverySeconds})`
  const ahead = sql`make_interval(secs => least(${aheadSeconds}::float8, ${apiKeys.rotateEverySeconds} / 4.0))`
  const found = await tx
    .select({
      id: apiKeys.id,
      organizationId: apiKeys.organizationId,
      version: apiKeyVersions.version,
      dueAt: sql<Date>`${due}`.mapWith(apiKeyVersions.createdAt),
    })
    .from(apiKeys)
    .innerJoin(apiKeyVersions, and(eq(apiKeyVersions.apiKeyId, apiKeys.id), isNewest(tx)))
    .where(
      and(
        isNotNull(apiKeys.rotateEverySeconds),
        or(isNull(apiKeys.rotationWarnedAt), lt(apiKeys.rotationWarnedAt, apiKeyVersions.createdAt)),
        sql`${due} - ${ahead} <= ${at}`,
        isAlive(now),
        isNull(apiKeys.disabledAt),
      ),
    )
    .orderBy(apiKeys.id)
    .limit(limit)
    .for('no key update', { of: apiKeys, skipLocked: true })
  if (found.length > 0) await tx.update(apiKeys).set({ rotationWarnedAt: now }).where(isOneOf(found))
  return found
}

/**
 * At most `limit` keys that ended before `before` and that nothing needs any more: no token of theirs can be alive, and
 * no rule about them is waiting to expire. The keys stay locked until the transaction ends.
 */
export async function lockLongDead(tx: Db, { before, limit }: { before: Date; limit: number }, now: Date) {
  const endedAt = sql<Date>`least(${apiKeys.revokedAt}, ${apiKeys.expiresAt})`.mapWith(apiKeys.expiresAt)
  const liveToken = hasLiveToken(tx, apiKeys.id, now)
  const rule = hasExpiringRule(tx, 'api_key', apiKeys.id, now)
  return await tx
    .select({ id: apiKeys.id, organizationId: apiKeys.organizationId, name: apiKeys.name, endedAt })
    .from(apiKeys)
    .where(and(lt(endedAt, before), not(liveToken), not(rule)))
    .orderBy(apiKeys.id)
    .limit(limit)
    .for('update', { skipLocked: true })
}

/** Deletes these keys with their versions and usage, and lifts the rules about them that would never expire. */
export async function deleteApiKeys(tx: Db, keys: readonly { readonly id: string }[], now: Date): Promise<void> {
  const ids = keys.map(({ id }) => id)
  await deleteApiKeyRows(tx, ids)
  await liftLastingRules(tx, 'api_key', ids, now)
}

function isOneOf(keys: readonly { readonly id: string }[]): SQL {
  return inArray(
    apiKeys.id,
    keys.map(({ id }) => id),
  )
}

/** Whether it is the newest version that was not cancelled. */
function isNewest(db: Db): SQL | undefined {
  const later = db
    .select({ one: sql`1` })
    .from(sql`${apiKeyVersions} later`)
    .where(sql`later.api_key_id = ${apiKeyVersions.apiKeyId} and later.version > ${apiKeyVersions.version}
      and later.cancelled_at is null`)
  return and(isNull(apiKeyVersions.cancelledAt), not(exists(later)))
}
