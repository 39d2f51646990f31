import { and, type Column, eq, getTableColumns, gt, lt, type SQL, sql } from 'drizzle-orm'
import type { Within } from '../access/authorize.ts'
import { organizationWithin } from '../access/queries.ts'
import type { Db } from '../db/database.ts'
import { apiKeys, apiKeyVersions, organizations, serviceAccounts, serviceState } from '../db/schema.ts'
import { refuseReplica } from '../db/server-role.ts'
import { revocationMark } from '../revocation/mark-queries.ts'
import { refusedAttempts } from '../usage/attempt-queries.ts'
import { usageOf } from '../usage/queries.ts'
import type { ApiKeyEnvironment } from './format.ts'
import type { ApiKeyOrder, Place } from './order.ts'
import { isAfter, orderBy } from './order-queries.ts'
import type { ApiKeyStatus } from './status.ts'

export type NewApiKey = typeof apiKeys.$inferInsert

/** A secret as the database stores it. */
export type StoredSecret = {
  /** Hash of the whole secret, base64url; SHA-256 unless `hashAlgorithm` is set. */
  hash: string
  hashAlgorithm?: HashAlgorithm
  /** Hashed by another system: the secret may have any format. */
  imported?: boolean
  /** How the secret starts; empty for an imported one. */
  prefix: string
  /** Last four characters of the secret's random part, for people. */
  hint: string
  /** End of its overlap. */
  expiresAt?: Date | null
}

/** Our own secrets are hashed by SHA-256; imported ones may be hashed by BLAKE3. */
export type HashAlgorithm = 'sha256' | 'blake3'

/** The key's service account, by a subquery rather than a join: most keys have none. */
const serviceAccount = sql`from ${serviceAccounts} account where account.id = ${apiKeys.serviceAccountId}`
const serviceAccountDisabledAt = sql<Date | null>`(select account.disabled_at ${serviceAccount})`.mapWith(
  apiKeys.disabledAt,
)

/** A subquery is planned in less time than a join. */
const organizationSuspendedAt = sql<Date | null>`(select organization.suspended_at from ${organizations} organization
  where organization.id = ${apiKeys.organizationId})`.mapWith(organizations.suspendedAt)

/** The key's effective roles: only those that its service account, if it has one, holds right now. */
const effectiveRoles = sql<string[]>`case when ${apiKeys.serviceAccountId} is null then ${apiKeys.roles} else array(
  select role from unnest(${apiKeys.roles}) with ordinality as held (role, place)
  where role = any((select account.roles ${serviceAccount})::text[]) order by place) end`.mapWith(apiKeys.roles)

/** Only the columns that authentication needs, in the shape of `ApiKeyRecord`. */
export const apiKeyRecord = {
  id: apiKeys.id,
  version: apiKeyVersions.version,
  versionExpiresAt: apiKeyVersions.expiresAt,
  versionEnded: apiKeyVersions.ended,
  organizationId: apiKeys.organizationId,
  organizationSuspendedAt,
  serviceAccountId: apiKeys.serviceAccountId,
  serviceAccountDisabledAt,
  environment: apiKeys.environment,
  scopes: apiKeys.scopes,
  audiences: apiKeys.audiences,
  roles: effectiveRoles,
  subject: apiKeys.subject,
  tokenAlgorithm: apiKeys.tokenAlgorithm,
  customClaims: apiKeys.customClaims,
  allowedCidrs: apiKeys.allowedCidrs,
  deniedCidrs: apiKeys.deniedCidrs,
  expiresAt: apiKeys.expiresAt,
  ended: apiKeys.ended,
  disabledAt: apiKeys.disabledAt,
  revokedAt: apiKeys.revokedAt,
  revocationPlanned: apiKeys.revocationPlanned,
  revocationMark,
  ringGeneration: sql<number>`(select ${serviceState.ringGeneration} from ${serviceState})`.mapWith(Number),
}

/** The newest version of a key that was not cancelled. Lists and views show it as the key's version. */
const newestVersion = and(
  eq(apiKeyVersions.apiKeyId, apiKeys.id),
  eq(
    apiKeyVersions.version,
    sql`(select max(v.version) from ${apiKeyVersions} v where v.api_key_id = ${apiKeys.id} and v.cancelled_at is null)`,
  ),
)

const usage = usageOf(apiKeys.id)

/** A key with all of its settings and its newest version. */
const apiKeyRow = {
  ...getTableColumns(apiKeys),
  organizationSuspendedAt: organizations.suspendedAt,
  serviceAccountDisabledAt,
  version: apiKeyVersions.version,
  versionCreatedAt: apiKeyVersions.createdAt,
  versionExpiresAt: apiKeyVersions.expiresAt,
  versionEnded: apiKeyVersions.ended,
  hint: apiKeyVersions.hint,
  ...usage,
  refusedAttempts: refusedAttempts(apiKeys.id),
}

/** A key belongs to its creator and to its service account. */
export const ownerColumns = { createdBy: apiKeys.createdBy, serviceAccountId: apiKeys.serviceAccountId } as const

/** Stores a key with its first version. Call it in a transaction: it runs two statements. */
export async function insertApiKey(tx: Db, apiKey: NewApiKey, secret: StoredSecret): Promise<void> {
  const created = tx.$with('created').as(tx.insert(apiKeys).values(apiKey).returning({ id: apiKeys.id }))
  const version = { apiKeyId: apiKey.id, version: 1, ...secret, createdAt: apiKey.createdAt }
  await tx.with(created).insert(apiKeyVersions).values(version)
}

/** The hash algorithms of all imported keys, dead ones included. A partial index makes this fast. */
export async function selectImportedAlgorithms(db: Db): Promise<HashAlgorithm[]> {
  const rows = await db
    .selectDistinct({ algorithm: apiKeyVersions.hashAlgorithm })
    .from(apiKeyVersions)
    .where(eq(apiKeyVersions.imported, true))
  return rows.map(({ algorithm }) => algorithm)
}

/** One version of a key by the key's id, as a token names it; undefined = not found. */
export async function findApiKeyRecord(db: Db, id: string, version: number) {
  const [found] = await db
    .select({ replica: sql<boolean>`pg_is_in_recovery()`, ...apiKeyRecord })
    .from(apiKeyVersions)
    .innerJoin(apiKeys, eq(apiKeys.id, apiKeyVersions.apiKeyId))
    .where(and(eq(apiKeyVersions.apiKeyId, id), eq(apiKeyVersions.version, version)))
    .limit(1)
  if (!found) return undefined
  const { replica, ...record } = found
  refuseReplica(replica)
  return record
}

export async function findApiKey(db: Db, where: { id: string; within: Within }) {
  const [apiKey] = await db
    .select(apiKeyRow)
    .from(apiKeys)
    .innerJoin(apiKeyVersions, newestVersion)
    .innerJoin(organizations, eq(organizations.id, apiKeys.organizationId))
    .where(and(eq(apiKeys.id, where.id), organizationWithin(apiKeys.organizationId, where.within, ownerColumns)))
    .limit(1)
  return apiKey
}

export type StoredApiKey = NonNullable<Awaited<ReturnType<typeof findApiKey>>>

/** A list shows the keys that match all of these conditions. */
export type ApiKeyListFilter = {
  readonly organizationId?: string | undefined
  readonly environment?: ApiKeyEnvironment | undefined
  readonly label?: string | undefined
  /** Right now. */
  readonly status?: ApiKeyStatus | undefined
  readonly serviceAccountId?: string | undefined
  /** Part of the name; case does not matter. */
  readonly name?: string | undefined
  readonly createdAfter?: Date | undefined
  readonly createdBefore?: Date | undefined
  readonly usedSince?: Date | undefined
  /** Keys that were never used match too. */
  readonly unusedSince?: Date | undefined
}

/** In the given order, at most `limit`, after the last key of the previous page. */
export async function selectApiKeys(
  db: Db,
  where: { within: Within; filter: ApiKeyListFilter; sort: ApiKeyOrder; after: Place | undefined; limit: number },
  now: Date,
) {
  return await db
    .select(apiKeyRow)
    .from(apiKeys)
    .innerJoin(apiKeyVersions, newestVersion)
    .innerJoin(organizations, eq(organizations.id, apiKeys.organizationId))
    .where(
      and(
        organizationWithin(apiKeys.organizationId, where.within, ownerColumns),
        where.after && isAfter(where.sort, where.after, usage.lastUsedAt),
        matches(where.filter, now),
      ),
    )
    .orderBy(...orderBy(where.sort, usage.lastUsedAt))
    .limit(where.limit)
}

/** Matches literally: no character of a name is a wildcard. */
function matches(filter: ApiKeyListFilter, now: Date): SQL | undefined {
  const { organizationId, environment, label, status, serviceAccountId, name } = filter
  const { createdAfter, createdBefore, usedSince, unusedSince } = filter
  return and(
    organizationId === undefined ? undefined : eq(apiKeys.organizationId, organizationId),
    environment === undefined ? undefined : eq(apiKeys.environment, environment),
    label === undefined ? undefined : sql`${label} = any(${apiKeys.labels})`,
    status === undefined ? undefined : sql`${statusAt(now)} = ${status}`,
    serviceAccountId === undefined ? undefined : eq(apiKeys.serviceAccountId, serviceAccountId),
    name === undefined ? undefined : sql`position(lower(${name}) in lower(${apiKeys.name})) > 0`,
    createdAfter && gt(apiKeys.createdAt, createdAfter),
    createdBefore && lt(apiKeys.createdAt, createdBefore),
    usedSince && sql`${usage.lastUsedAt} >= ${usedSince.toISOString()}::timestamptz`,
    unusedSince && sql`coalesce(${usage.lastUsedAt} < ${unusedSince.toISOString()}::timestamptz, true)`,
  )
}

/** `apiKeyStatus` in SQL; a test checks that the two agree. */
function statusAt(now: Date): SQL {
  const hasPassed = (end: Column | SQL) => sql`${end} <= ${now.toISOString()}::timestamptz`
  const isRevoked = sql`${apiKeys.revokedAt} is not null and (not ${apiKeys.revocationPlanned} or ${hasPassed(apiKeys.revokedAt)})`
  return sql`case when ${isRevoked} then 'revoked'
    when ${apiKeys.ended} or ${hasPassed(apiKeys.expiresAt)} then 'expired'
    when ${apiKeyVersions.ended} or ${hasPassed(apiKeyVersions.expiresAt)} then 'version_ended'
    when ${apiKeys.disabledAt} is not null then 'disabled'
    when ${serviceAccountDisabledAt} is not null then 'service_account_disabled'
    when ${organizations.suspendedAt} is not null then 'organization_suspended' else 'usable' end`
}
