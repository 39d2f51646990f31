import { and, asc, eq, exists, gt, inArray, isNull, lt, ne, or, type SQL, sql } from 'drizzle-orm'
import type { Within } from '../access/authorize.ts'
import { organizationWithin } from '../access/queries.ts'
import type { Db } from '../db/database.ts'
import { apiKeys, apiKeyVersions } from '../db/schema.ts'
import type { Because } from '../revocation/reasons.ts'
import { owned } from './queries.ts'
import type { ApiKeyFilter } from './revoke-filter.ts'

/** The keys that a revocation at `at` would change: within, matching, not revoked by then, and not the one that is spared. */
export type Revocable = {
  readonly within: Within
  readonly filter: ApiKeyFilter
  readonly at: Date
  /** Id of a key that stays: the caller's own. */
  readonly spared: string
  /** Whether keys with the role root are meant too. */
  readonly rootToo: boolean
}

/**
 * Marks a key revoked from `at` on, unless it is or will be before: the first instant and its reason stay. A revocation planned for later
 * is brought forward. False = nothing changed. Does not ask whose key it is.
 */
export async function markApiKeyRevoked(tx: Db, id: string, because: Because, at: Date): Promise<boolean> {
  const marked = await tx
    .update(apiKeys)
    .set(revokedFrom(at, because))
    .where(and(eq(apiKeys.id, id), liveAt(at)))
    .returning({ id: apiKeys.id })
  return marked.length === 1
}

/** As `markApiKeyRevoked`, for at most `limit` keys, locked in the order of their ids so that two of these never wait for one another. */
export async function markApiKeysRevoked(tx: Db, where: Revocable, because: Because, limit: number) {
  const locked = tx
    .select({ id: apiKeys.id })
    .from(apiKeys)
    .where(revocable(tx, where))
    .orderBy(asc(apiKeys.id))
    .limit(limit)
    .for('no key update')
  return await tx
    .update(apiKeys)
    .set(revokedFrom(where.at, because))
    .where(inArray(apiKeys.id, locked))
    .returning({ id: apiKeys.id, organizationId: apiKeys.organizationId })
}

/** Ids of the keys that would be revoked, oldest first. */
export async function selectRevocable(db: Db, where: Revocable): Promise<string[]> {
  const rows = await db.select({ id: apiKeys.id }).from(apiKeys).where(revocable(db, where)).orderBy(asc(apiKeys.id))
  return rows.map(({ id }) => id)
}

/** Whether the filter means the spared key too. */
export async function matchesSpared(db: Db, { within, filter, spared }: Revocable): Promise<boolean> {
  const organization = organizationWithin(apiKeys.organizationId, within, owned)
  const rows = await db
    .select({ id: apiKeys.id })
    .from(apiKeys)
    .where(and(eq(apiKeys.id, spared), organization, matches(db, filter)))
  return rows.length > 0
}

/** The key whose secret has one of these hashes, whatever its state; undefined when it is not there or not within. */
export async function findApiKeyByHashes(
  db: Db,
  where: { hashes: readonly string[]; within: Within },
): Promise<string | undefined> {
  const [found] = await db
    .select({ id: apiKeys.id })
    .from(apiKeyVersions)
    .innerJoin(apiKeys, eq(apiKeys.id, apiKeyVersions.apiKeyId))
    .where(
      and(
        inArray(apiKeyVersions.hash, [...where.hashes]),
        organizationWithin(apiKeys.organizationId, where.within, owned),
      ),
    )
    .limit(1)
  return found?.id
}

function revokedFrom(at: Date, { reason, text = null }: { reason: string; text?: string | null | undefined }) {
  return { revokedAt: at, revocationReason: reason, revocationText: text, revision: sql`${apiKeys.revision} + 1` }
}

function liveAt(at: Date): SQL | undefined {
  return or(isNull(apiKeys.revokedAt), gt(apiKeys.revokedAt, at))
}

function revocable(db: Db, { within, filter, at, spared, rootToo }: Revocable): SQL | undefined {
  const organization = organizationWithin(apiKeys.organizationId, within, owned)
  const permitted = rootToo ? undefined : sql`not ('root' = any(${apiKeys.roles}))`
  return and(organization, permitted, liveAt(at), ne(apiKeys.id, spared), matches(db, filter))
}

/** Literally what the filter says: no pattern has a meaning in it. */
function matches(db: Db, filter: ApiKeyFilter): SQL | undefined {
  const { organizationId, label, environment, createdBefore, serviceAccountId, prefix, hint } = filter
  return and(
    organizationId === undefined ? undefined : eq(apiKeys.organizationId, organizationId),
    label === undefined ? undefined : sql`${label} = any(${apiKeys.labels})`,
    environment === undefined ? undefined : eq(apiKeys.environment, environment),
    createdBefore === undefined ? undefined : lt(apiKeys.createdAt, createdBefore),
    serviceAccountId === undefined ? undefined : eq(apiKeys.serviceAccountId, serviceAccountId),
    prefix === undefined && hint === undefined ? undefined : hasVersion(db, prefix, hint),
  )
}

/** Of any version: the leaked secret may be one that was rotated away. */
function hasVersion(db: Db, prefix: string | undefined, hint: string | undefined): SQL {
  return exists(
    db
      .select({ one: sql`1` })
      .from(apiKeyVersions)
      .where(
        and(
          eq(apiKeyVersions.apiKeyId, apiKeys.id),
          prefix === undefined ? undefined : eq(apiKeyVersions.prefix, prefix),
          hint === undefined ? undefined : eq(apiKeyVersions.hint, hint),
        ),
      ),
  )
}
