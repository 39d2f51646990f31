import { and, type Column, desc, eq, getTableColumns, gt, lt, type SQL, sql } from 'drizzle-orm'
import type { Within } from '../access/authorize.ts'
import { organizationWithin } from '../access/queries.ts'
import type { Db } from '../db/database.ts'
import { apiKeys, apiKeyVersions, organizations, serviceAccounts, serviceState } from '../db/schema.ts'
import type { ApiKeyEnvironment } from './format.ts'
import type { ApiKeyStatus } from './status.ts'

export type NewApiKey = typeof apiKeys.$inferInsert

/** What the database keeps of a secret. */
export type StoredSecret = {
  /** Of the whole secret, base64url; by SHA-256 unless `hashAlgorithm` says otherwise. */
  hash: string
  hashAlgorithm?: HashAlgorithm
  /** Hashed elsewhere: the secret may have any form. */
  imported?: boolean
  /** What a secret of ours begins with; empty for one that was made elsewhere. */
  prefix: string
  /** Last four characters of the secret's random part, for people. */
  hint: string
  /** End of its overlap. */
  expiresAt?: Date | null
}

/** How a secret was hashed: ours by SHA-256, those from elsewhere as it was done there. */
export type HashAlgorithm = 'sha256' | 'blake3'

/** The service account that a key belongs to, without a join: most keys have none. */
const serviceAccount = sql`from ${serviceAccounts} account where account.id = ${apiKeys.serviceAccountId}`
const serviceAccountDisabledAt = sql<Date | null>`(select account.disabled_at ${serviceAccount})`.mapWith(
  apiKeys.disabledAt,
)

/** A select of its own is planned in less time than a join. */
const organizationSuspendedAt = sql<Date | null>`(select organization.suspended_at from ${organizations} organization
  where organization.id = ${apiKeys.organizationId})`.mapWith(organizations.suspendedAt)

/** What counts of a key's roles: a key of a service account holds no more than the account does, now. */
const rolesThatCount = sql<string[]>`case when ${apiKeys.serviceAccountId} is null then ${apiKeys.roles} else array(
  select role from unnest(${apiKeys.roles}) with ordinality as held (role, place)
  where role = any((select account.roles ${serviceAccount})::text[]) order by place) end`.mapWith(apiKeys.roles)

/** The columns that authentication needs, and nothing else: a key's record in the form of `ApiKeyRecord`. */
export const apiKeyRecord = {
  id: apiKeys.id,
  version: apiKeyVersions.version,
  versionExpiresAt: apiKeyVersions.expiresAt,
  organizationId: apiKeys.organizationId,
  organizationSuspendedAt,
  serviceAccountId: apiKeys.serviceAccountId,
  serviceAccountDisabledAt,
  environment: apiKeys.environment,
  scopes: apiKeys.scopes,
  audiences: apiKeys.audiences,
  roles: rolesThatCount,
  subject: apiKeys.subject,
  tokenAlgorithm: apiKeys.tokenAlgorithm,
  customClaims: apiKeys.customClaims,
  allowedCidrs: apiKeys.allowedCidrs,
  deniedCidrs: apiKeys.deniedCidrs,
  expiresAt: apiKeys.expiresAt,
  disabledAt: apiKeys.disabledAt,
  revokedAt: apiKeys.revokedAt,
  ringGeneration: sql<number>`(select ${serviceState.ringGeneration} from ${serviceState})`.mapWith(Number),
}

/** The newest version of a key: the one that people mean when they name the key. */
const newestVersion = and(
  eq(apiKeyVersions.apiKeyId, apiKeys.id),
  eq(apiKeyVersions.version, sql`(select max(v.version) from ${apiKeyVersions} v where v.api_key_id = ${apiKeys.id})`),
)

/** A key with all of its settings and its newest version. */
const apiKeyRow = {
  ...getTableColumns(apiKeys),
  organizationSuspendedAt: organizations.suspendedAt,
  serviceAccountDisabledAt,
  version: apiKeyVersions.version,
  versionCreatedAt: apiKeyVersions.createdAt,
  versionExpiresAt: apiKeyVersions.expiresAt,
  hint: apiKeyVersions.hint,
}

/** What makes a key somebody's own: who made it, and the service account that it belongs to. */
export const owned = { createdBy: apiKeys.createdBy, serviceAccountId: apiKeys.serviceAccountId } as const

/** Stores a key with its first version; in a transaction, because it is two statements. */
export async function insertApiKey(tx: Db, apiKey: NewApiKey, secret: StoredSecret): Promise<void> {
  await tx.insert(apiKeys).values(apiKey)
  await tx.insert(apiKeyVersions).values({ apiKeyId: apiKey.id, version: 1, ...secret, createdAt: apiKey.createdAt })
}

/** How the secrets of imported keys are hashed, those of dead keys too: a partial index answers. */
export async function selectImportedAlgorithms(db: Db): Promise<HashAlgorithm[]> {
  const rows = await db
    .selectDistinct({ algorithm: apiKeyVersions.hashAlgorithm })
    .from(apiKeyVersions)
    .where(eq(apiKeyVersions.imported, true))
  return rows.map(({ algorithm }) => algorithm)
}

/** The record of one version of a key by the key's id, as a token names it; undefined when there is no such version. */
export async function findApiKeyRecord(db: Db, id: string, version: number) {
  const [record] = await db
    .select(apiKeyRecord)
    .from(apiKeyVersions)
    .innerJoin(apiKeys, eq(apiKeys.id, apiKeyVersions.apiKeyId))
    .where(and(eq(apiKeyVersions.apiKeyId, id), eq(apiKeyVersions.version, version)))
    .limit(1)
  return record
}

export async function findApiKey(db: Db, where: { id: string; within: Within }) {
  const [apiKey] = await db
    .select(apiKeyRow)
    .from(apiKeys)
    .innerJoin(apiKeyVersions, newestVersion)
    .innerJoin(organizations, eq(organizations.id, apiKeys.organizationId))
    .where(and(eq(apiKeys.id, where.id), organizationWithin(apiKeys.organizationId, where.within, owned)))
    .limit(1)
  return apiKey
}

/** Which keys a list shows: those of which everything that is said here is true. */
export type ApiKeyListFilter = {
  readonly organizationId?: string | undefined
  readonly environment?: ApiKeyEnvironment | undefined
  readonly label?: string | undefined
  /** At the moment of asking. */
  readonly status?: ApiKeyStatus | undefined
  readonly serviceAccountId?: string | undefined
  /** Part of the name, in small or capital letters. */
  readonly name?: string | undefined
  readonly createdAfter?: Date | undefined
  readonly createdBefore?: Date | undefined
}

/** Newest first, at most `limit`, only ids before `before`. */
export async function selectApiKeys(
  db: Db,
  where: { within: Within; filter: ApiKeyListFilter; before: string | undefined; limit: number },
  now: Date,
) {
  return await db
    .select(apiKeyRow)
    .from(apiKeys)
    .innerJoin(apiKeyVersions, newestVersion)
    .innerJoin(organizations, eq(organizations.id, apiKeys.organizationId))
    .where(
      and(
        organizationWithin(apiKeys.organizationId, where.within, owned),
        where.before === undefined ? undefined : lt(apiKeys.id, where.before),
        matches(where.filter, now),
      ),
    )
    .orderBy(desc(apiKeys.id))
    .limit(where.limit)
}

/** Literally what the filter says: no character of a name has a meaning of its own. */
function matches(filter: ApiKeyListFilter, now: Date): SQL | undefined {
  const { organizationId, environment, label, status, serviceAccountId, name, createdAfter, createdBefore } = filter
  return and(
    organizationId === undefined ? undefined : eq(apiKeys.organizationId, organizationId),
    environment === undefined ? undefined : eq(apiKeys.environment, environment),
    label === undefined ? undefined : sql`${label} = any(${apiKeys.labels})`,
    status === undefined ? undefined : sql`${statusAt(now)} = ${status}`,
    serviceAccountId === undefined ? undefined : eq(apiKeys.serviceAccountId, serviceAccountId),
    name === undefined ? undefined : sql`position(lower(${name}) in lower(${apiKeys.name})) > 0`,
    createdAfter && gt(apiKeys.createdAt, createdAfter),
    createdBefore && lt(apiKeys.createdAt, createdBefore),
  )
}

/** `apiKeyStatus` as the database says it; a test holds the two together. */
function statusAt(now: Date): SQL {
  const hasCome = (end: Column | SQL) => sql`${end} <= ${now.toISOString()}::timestamptz`
  return sql`case when ${hasCome(apiKeys.revokedAt)} then 'revoked' when ${hasCome(apiKeys.expiresAt)} then 'expired'
    when ${hasCome(apiKeyVersions.expiresAt)} then 'version_ended' when ${hasCome(apiKeys.disabledAt)} then 'disabled'
    when ${hasCome(serviceAccountDisabledAt)} then 'service_account_disabled'
    when ${hasCome(organizations.suspendedAt)} then 'organization_suspended' else 'usable' end`
}
