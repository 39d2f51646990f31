import { and, eq, gt, not, sql } from 'drizzle-orm'
import type { Db } from '../db/database.ts'
import { apiKeys, apiKeyVersions, organizations } from '../db/schema.ts'
import { isAlive } from './live-key-queries.ts'

// How many API keys of an organization there are beyond what its plan or policy allows. The counts stay true until the
// transaction ends only after `lockOrganization` (queries.ts).

const counted = sql`not 'root' = any(${apiKeys.roles})`

/** How many keys count for the organization's plan: all but root keys and revoked or expired ones. */
export async function countApiKeys(tx: Db, organizationId: string, now: Date): Promise<number> {
  return await tx.$count(apiKeys, and(eq(apiKeys.organizationId, organizationId), isAlive(now), counted))
}

/** How many organizations on the plan have more keys than this, and how many keys these are too many. */
export async function countBeyondPlan(
  tx: Db,
  { plan, apiKeys: limit }: { plan: string; apiKeys: number },
  now: Date,
): Promise<{ organizations: number; apiKeys: number }> {
  const counts = tx
    .select({ beyond: sql<number>`count(*) - ${limit}::integer`.as('beyond') })
    .from(apiKeys)
    .innerJoin(organizations, eq(organizations.id, apiKeys.organizationId))
    .where(and(eq(organizations.plan, plan), isAlive(now), counted))
    .groupBy(organizations.id)
    .having(sql`count(*) > ${limit}::integer`)
    .as('counts')
  const [row] = await tx
    .select({
      organizations: sql<number>`count(*)`.mapWith(Number),
      apiKeys: sql<number>`coalesce(sum(${counts.beyond}), 0)`.mapWith(Number),
    })
    .from(counts)
  return row ?? { organizations: 0, apiKeys: 0 }
}

/** How many previous versions still work for longer than this. */
export async function countLongOverlaps(
  tx: Db,
  { organizationId, seconds }: { organizationId: string; seconds: number },
  now: Date,
): Promise<number> {
  const [row] = await tx
    .select({ count: sql<number>`count(*)`.mapWith(Number) })
    .from(apiKeyVersions)
    .innerJoin(apiKeys, eq(apiKeys.id, apiKeyVersions.apiKeyId))
    .where(
      and(
        eq(apiKeys.organizationId, organizationId),
        isAlive(now),
        not(apiKeyVersions.ended),
        gt(apiKeyVersions.expiresAt, new Date(now.getTime() + seconds * 1000)),
      ),
    )
  return row?.count ?? 0
}

/** How many keys never expire, and how many expire later than in this time. */
export async function countLongLives(
  tx: Db,
  { organizationId, seconds }: { organizationId: string; seconds: number },
  now: Date,
): Promise<{ withoutEnd: number; endingLater: number }> {
  const latest = sql`${new Date(now.getTime() + seconds * 1000).toISOString()}::timestamptz`
  const [row] = await tx
    .select({
      withoutEnd: sql<number>`count(*) filter (where ${apiKeys.expiresAt} is null)`.mapWith(Number),
      endingLater: sql<number>`count(*) filter (where ${apiKeys.expiresAt} > ${latest})`.mapWith(Number),
    })
    .from(apiKeys)
    .where(and(eq(apiKeys.organizationId, organizationId), isAlive(now)))
  return row ?? { withoutEnd: 0, endingLater: 0 }
}
