import { type Column, type SQL, type SQLWrapper, sql } from 'drizzle-orm'
import type { Db } from '../db/database.ts'
import { apiKeyAttempts } from '../db/schema.ts'
import type { ApiKeyAttempts } from './pending.ts'
import { instant, isOneOf, lines, newestFirst, texts } from './row-queries.ts'

/** Refused attempts to use an API key, in all its versions. Time, reason and address are those of the last one. */
export type RefusedAttempts = { attempts: number; lastAt: string; reason: string; address: string | null }

/** The refused attempts to use the key; null = none. A few seconds behind. */
export function refusedAttempts(apiKeyId: Column): SQL<RefusedAttempts | null> {
  const latest = (value: SQL) => sql`(array_agg(${value} order by tried.last_attempt_at desc))[1]`
  const described = sql`json_build_object('attempts', sum(tried.attempts), 'lastAt', max(tried.last_attempt_at),
    'reason', ${latest(sql`tried.last_reason`)}, 'address', ${latest(sql`tried.addresses[1]`)})::text`
  return sql`(select ${described} from ${apiKeyAttempts} tried where tried.api_key_id = ${apiKeyId} having count(*) > 0)`.mapWith(
    readAttempts,
  )
}

function readAttempts(text: string): RefusedAttempts {
  const { lastAt, ...described } = JSON.parse(text)
  return { ...described, lastAt: new Date(lastAt).toISOString() }
}

/** As `addApiKeyUsage`, for attempts. */
export async function addApiKeyAttempts(db: Db, added: readonly ApiKeyAttempts[]): Promise<void> {
  const rows = sql`select id, version::integer, attempts::bigint, last_at::timestamptz, reason,
      string_to_array(addresses, chr(10)), string_to_array(agents, chr(10))
    from unnest(${texts(added, ({ apiKeyId }) => apiKeyId)}, ${texts(added, ({ version }) => version)},
      ${texts(added, ({ attempts }) => attempts)}, ${texts(added, ({ lastAttemptAt }) => instant(lastAttemptAt))},
      ${texts(added, ({ reason }) => reason)}, ${texts(added, ({ addresses }) => lines(addresses))},
      ${texts(added, ({ agents }) => lines(agents))}) as tried (id, version, attempts, last_at, reason, addresses, agents)
    order by 1, 2`
  const isNewer = sql`excluded.last_attempt_at >= ${apiKeyAttempts.lastAttemptAt}`
  await db
    .insert(apiKeyAttempts)
    .select(rows)
    .onConflictDoUpdate({
      target: [apiKeyAttempts.apiKeyId, apiKeyAttempts.version],
      set: {
        attempts: sql`${apiKeyAttempts.attempts} + excluded.attempts`,
        lastAttemptAt: sql`greatest(${apiKeyAttempts.lastAttemptAt}, excluded.last_attempt_at)`,
        lastReason: sql`case when ${isNewer} then excluded.last_reason else ${apiKeyAttempts.lastReason} end`,
        addresses: newestFirst(isNewer, apiKeyAttempts.addresses, sql`excluded.addresses`),
        agents: newestFirst(isNewer, apiKeyAttempts.agents, sql`excluded.agents`),
      },
    })
}

export async function deleteApiKeyAttempts(tx: Db, apiKeyIds: readonly string[] | SQLWrapper): Promise<void> {
  const { apiKeyId, version } = apiKeyAttempts
  const locked = tx
    .select({ apiKeyId, version })
    .from(apiKeyAttempts)
    .where(isOneOf(apiKeyId, apiKeyIds))
    .orderBy(apiKeyId, version)
    .for('update')
  await tx.delete(apiKeyAttempts).where(sql`(${apiKeyId}, ${version}) in ${locked}`)
}
