import { and, desc, eq, isNotNull, isNull, lt, ne, type SQL, sql } from 'drizzle-orm'
import type { Within } from '../access/authorize.ts'
import { isNotRevoked } from '../access/live-key-queries.ts'
import { organizationWithin } from '../access/queries.ts'
import type { Db } from '../db/database.ts'
import { apiKeys, serviceAccounts } from '../db/schema.ts'

export type ServiceAccount = typeof serviceAccounts.$inferSelect

export type ServiceAccountChanges = Partial<
  Pick<
    ServiceAccount,
    'name' | 'description' | 'roles' | 'disabledAt' | 'disabledBy' | 'disabledReach' | 'disabledRuleIds'
  >
>

/** `apiKeys`: how many of its keys are not revoked. */
export type ServiceAccountRow = ServiceAccount & { apiKeys: number }

/** An account belongs to its own keys and to its creator. */
const owned = { createdBy: serviceAccounts.createdBy, serviceAccountId: serviceAccounts.id } as const

/**
 * Spells out the column names: Drizzle omits the table name when a select has only one table, and the names would be
 * ambiguous.
 */
const liveKeys = sql<number>`(select count(*) from ${apiKeys} live where live.service_account_id = ${serviceAccounts}.id
  and live.revoked_at is null)`.mapWith(Number)

export async function insertServiceAccount(
  tx: Db,
  account: typeof serviceAccounts.$inferInsert,
): Promise<ServiceAccount> {
  const [inserted] = await tx.insert(serviceAccounts).values(account).returning()
  if (!inserted) throw new Error('the service account was not inserted')
  return inserted
}

export async function findServiceAccount(
  db: Db,
  where: { id: string; within: Within; organizationId?: string },
): Promise<ServiceAccountRow | undefined> {
  const [found] = await db
    .select({ account: serviceAccounts, apiKeys: liveKeys })
    .from(serviceAccounts)
    .where(isIt(where))
    .limit(1)
  return found && { ...found.account, apiKeys: found.apiKeys }
}

/** Locks the account until the transaction ends. No key can be assigned to it meanwhile. */
export async function lockServiceAccount(
  tx: Db,
  where: { id: string; within: Within },
): Promise<ServiceAccount | undefined> {
  const [account] = await tx.select().from(serviceAccounts).where(isIt(where)).for('update')
  return account
}

/** Whether another account of the organization has the name, regardless of case. */
export async function hasSimilarName(
  tx: Db,
  { organizationId, name, except }: { organizationId: string; name: string; except?: string },
): Promise<boolean> {
  const [found] = await tx
    .select({ id: serviceAccounts.id })
    .from(serviceAccounts)
    .where(
      and(
        eq(serviceAccounts.organizationId, organizationId),
        sql`lower(${serviceAccounts.name}) = lower(${name})`,
        except === undefined ? undefined : ne(serviceAccounts.id, except),
      ),
    )
    .limit(1)
  return found !== undefined
}

export type ServiceAccountFilter = { organizationId?: string | undefined; disabled?: boolean | undefined }

/** Newest first, at most `limit`, only ids before `before`. */
export async function selectServiceAccounts(
  db: Db,
  where: { within: Within; filter: ServiceAccountFilter; before: string | undefined; limit: number },
): Promise<ServiceAccountRow[]> {
  const { organizationId, disabled } = where.filter
  const rows = await db
    .select({ account: serviceAccounts, apiKeys: liveKeys })
    .from(serviceAccounts)
    .where(
      and(
        organizationWithin(serviceAccounts.organizationId, where.within, owned),
        where.before === undefined ? undefined : lt(serviceAccounts.id, where.before),
        organizationId === undefined ? undefined : eq(serviceAccounts.organizationId, organizationId),
        disabled === undefined ? undefined : (disabled ? isNotNull : isNull)(serviceAccounts.disabledAt),
      ),
    )
    .orderBy(desc(serviceAccounts.id))
    .limit(where.limit)
  return rows.map(({ account, apiKeys: count }) => ({ ...account, apiKeys: count }))
}

/** Changes an account and increments its revision. The caller has locked it. */
export async function updateServiceAccountRow(tx: Db, id: string, changes: ServiceAccountChanges): Promise<void> {
  await tx
    .update(serviceAccounts)
    .set({ ...changes, revision: sql`${serviceAccounts.revision} + 1` })
    .where(eq(serviceAccounts.id, id))
}

/** Revokes the account's keys, except those that are revoked already. Returns their ids. */
export async function revokeKeysOfAccount(
  tx: Db,
  serviceAccountId: string,
  { by, reason }: { by: string; reason: string },
  now: Date,
): Promise<string[]> {
  const revoked = await tx
    .update(apiKeys)
    .set({
      revokedAt: now,
      revocationPlanned: false,
      revokedBy: by,
      revocationReason: reason,
      revocationText: null,
      revision: sql`${apiKeys.revision} + 1`,
    })
    .where(and(eq(apiKeys.serviceAccountId, serviceAccountId), isNotRevoked(now)))
    .returning({ id: apiKeys.id })
  return revoked.map(({ id }) => id)
}

/** Unlinks the account's keys, which are all revoked, from it. Returns how many. */
export async function unlinkKeys(tx: Db, serviceAccountId: string): Promise<number> {
  const unlinked = await tx
    .update(apiKeys)
    .set({ serviceAccountId: null })
    .where(eq(apiKeys.serviceAccountId, serviceAccountId))
    .returning({ id: apiKeys.id })
  return unlinked.length
}

export async function deleteServiceAccountRow(tx: Db, id: string): Promise<void> {
  await tx.delete(serviceAccounts).where(eq(serviceAccounts.id, id))
}

/** `within` decides whether the caller sees all accounts of an organization or only its own. */
function isIt({
  id,
  within,
  organizationId,
}: {
  id: string
  within: Within
  organizationId?: string
}): SQL | undefined {
  return and(
    eq(serviceAccounts.id, id),
    organizationWithin(serviceAccounts.organizationId, within, owned),
    organizationId === undefined ? undefined : eq(serviceAccounts.organizationId, organizationId),
  )
}
