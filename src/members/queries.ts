import { and, count, desc, eq, isNull, lt, sql } from 'drizzle-orm'
import type { Within } from '../access/authorize.ts'
import { organizationWithin } from '../access/queries.ts'
import type { Db } from '../db/database.ts'
import { apiKeys, serviceAccounts } from '../db/schema.ts'

/** A service account, or an API key that is not revoked. */
export type MemberRow = {
  id: string
  kind: 'service_account' | 'api_key'
  organizationId: string
  name: string
  roles: string[]
  /** The account that a key belongs to. Only roles that the account holds too count for the key. */
  serviceAccountId: string | null
  environment: 'live' | 'test' | null
  expiresAt: Date | null
  disabledAt: Date | null
  createdAt: Date
  revision: number
}

const account = {
  id: serviceAccounts.id,
  kind: sql<'service_account'>`'service_account'`,
  organizationId: serviceAccounts.organizationId,
  name: serviceAccounts.name,
  roles: serviceAccounts.roles,
  serviceAccountId: sql<null>`null`,
  environment: sql<null>`null`,
  expiresAt: sql<null>`null`,
  disabledAt: serviceAccounts.disabledAt,
  createdAt: serviceAccounts.createdAt,
  revision: serviceAccounts.revision,
}

const key = {
  id: apiKeys.id,
  kind: sql<'api_key'>`'api_key'`,
  organizationId: apiKeys.organizationId,
  name: apiKeys.name,
  roles: apiKeys.roles,
  serviceAccountId: apiKeys.serviceAccountId,
  environment: apiKeys.environment,
  expiresAt: apiKeys.expiresAt,
  disabledAt: apiKeys.disabledAt,
  createdAt: apiKeys.createdAt,
  revision: apiKeys.revision,
}

/** Accounts first, then keys that hold roles, each newest first. At most `limit`, only ids before `before`. */
export async function selectMembers(
  db: Db,
  where: { within: Within; organizationId: string | undefined; before: string | undefined; limit: number },
): Promise<MemberRow[]> {
  const { within, organizationId, before, limit } = where
  const accounts = await db
    .select(account)
    .from(serviceAccounts)
    .where(
      and(
        organizationWithin(serviceAccounts.organizationId, within),
        organizationId === undefined ? undefined : eq(serviceAccounts.organizationId, organizationId),
        before === undefined ? undefined : lt(serviceAccounts.id, before),
      ),
    )
    .orderBy(desc(serviceAccounts.id))
    .limit(limit)
  if (accounts.length === limit) return accounts
  const keys = await db
    .select(key)
    .from(apiKeys)
    .where(
      and(
        organizationWithin(apiKeys.organizationId, within),
        organizationId === undefined ? undefined : eq(apiKeys.organizationId, organizationId),
        before === undefined ? undefined : lt(apiKeys.id, before),
        isNull(apiKeys.revokedAt),
        sql`cardinality(${apiKeys.roles}) > 0`,
      ),
    )
    .orderBy(desc(apiKeys.id))
    .limit(limit - accounts.length)
  return [...accounts, ...keys]
}

/** A service account or an API key by its id. A revoked key is not a member. */
export async function findMember(
  db: Db,
  { id, within }: { id: string; within: Within },
): Promise<MemberRow | undefined> {
  const [found] = await db
    .select(account)
    .from(serviceAccounts)
    .where(and(eq(serviceAccounts.id, id), organizationWithin(serviceAccounts.organizationId, within)))
    .limit(1)
  if (found) return found
  const [foundKey] = await db
    .select(key)
    .from(apiKeys)
    .where(and(eq(apiKeys.id, id), organizationWithin(apiKeys.organizationId, within), isNull(apiKeys.revokedAt)))
    .limit(1)
  return foundKey
}

/** Sets a member's roles and increments its revision. The caller has locked the organization. */
export async function updateMemberRoles(
  tx: Db,
  { id, kind }: Pick<MemberRow, 'id' | 'kind'>,
  roles: string[],
): Promise<void> {
  const table = kind === 'api_key' ? apiKeys : serviceAccounts
  await tx
    .update(table)
    .set({ roles, revision: sql`${table.revision} + 1` })
    .where(eq(table.id, id))
}

/** How many service accounts and live (not revoked) API keys hold the role. */
export async function countMembersWith(
  tx: Db,
  { organizationId, role }: { organizationId: string; role: string },
): Promise<number> {
  const [accounts] = await tx
    .select({ held: count() })
    .from(serviceAccounts)
    .where(and(eq(serviceAccounts.organizationId, organizationId), sql`${role} = any(${serviceAccounts.roles})`))
  const [keys] = await tx
    .select({ held: count() })
    .from(apiKeys)
    .where(
      and(eq(apiKeys.organizationId, organizationId), isNull(apiKeys.revokedAt), sql`${role} = any(${apiKeys.roles})`),
    )
  return (accounts?.held ?? 0) + (keys?.held ?? 0)
}
