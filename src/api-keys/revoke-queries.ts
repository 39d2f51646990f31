import { and, asc, eq, exists, inArray, lt, ne, type SQL, sql } from 'drizzle-orm'
import type { Within } from '../access/authorize.ts'
import { isNotRevoked } from '../access/live-key-queries.ts'
import { organizationWithin } from '../access/queries.ts'
import type { Db } from '../db/database.ts'
import { apiKeys, apiKeyVersions } from '../db/schema.ts'
import type { Because } from '../revocation/reasons.ts'
import { ownerColumns } from './queries.ts'
import type { RevocationFilter } from './revoke-filter.ts'

/** `at`: when a planned revocation takes effect, or when any other was decided. */
export type RevocationTime = { readonly at: Date; readonly planned: boolean }

/** The keys that a revocation changes: within reach, matching, not revoked by then, and not the spared one. */
export type Revocable = {
  readonly within: Within
  readonly filter: RevocationFilter
  readonly when: RevocationTime
  /** Id of the caller's own key, which is not revoked. */
  readonly spared: string
  /** Whether root keys are revoked too. */
  readonly rootToo: boolean
}

/** `by`: client id of the caller. */
type RevokedBecause = Because & { readonly by: string }

/**
 * Marks a key revoked, at once or from a planned time on. An earlier revocation and its reason stay; a later one is brought forward. False =
 * nothing changed. Does not check whose key it is.
 */
export async function markApiKeyRevoked(
  tx: Db,
  id: string,
  because: RevokedBecause,
  when: RevocationTime,
): Promise<boolean> {
  const marked = await tx
    .update(apiKeys)
    .set(revokedFrom(when, because))
    .where(and(eq(apiKeys.id, id), isNotRevoked(when.at)))
    .returning({ id: apiKeys.id })
  return marked.length === 1
}

/**
 * As `markApiKeyRevoked`, for at most `limit` keys, locked in the order of their ids so that two calls never deadlock.
 */
export async function markApiKeysRevoked(tx: Db, where: Revocable, because: RevokedBecause, limit: number) {
  const locked = tx
    .select({ id: apiKeys.id })
    .from(apiKeys)
    .where(revocable(tx, where))
    .orderBy(asc(apiKeys.id))
    .limit(limit)
    .for('no key update')
  return await tx
    .update(apiKeys)
    .set(revokedFrom(where.when, because))
    .where(inArray(apiKeys.id, locked))
    .returning({ id: apiKeys.id, organizationId: apiKeys.organizationId })
}

/** Ids of the keys that would be revoked, oldest first. */
export async function selectRevocable(db: Db, where: Revocable): Promise<string[]> {
  const rows = await db.select({ id: apiKeys.id }).from(apiKeys).where(revocable(db, where)).orderBy(asc(apiKeys.id))
  return rows.map(({ id }) => id)
}

/** Whether the filter matches the spared key. */
export async function matchesSpared(db: Db, { within, filter, spared }: Revocable): Promise<boolean> {
  const organization = organizationWithin(apiKeys.organizationId, within, ownerColumns)
  const rows = await db
    .select({ id: apiKeys.id })
    .from(apiKeys)
    .where(and(eq(apiKeys.id, spared), organization, matches(db, filter)))
  return rows.length > 0
}

/** The key whose secret has one of these hashes, whatever its status; undefined = not found within reach. */
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
        organizationWithin(apiKeys.organizationId, where.within, ownerColumns),
      ),
    )
    .limit(1)
  return found?.id
}

function revokedFrom({ at, planned }: RevocationTime, { reason, text, by }: RevokedBecause) {
  const because = { revocationReason: reason, revocationText: text ?? null, revokedBy: by }
  return { revokedAt: at, revocationPlanned: planned, ...because, revision: sql`${apiKeys.revision} + 1` }
}

function revocable(db: Db, { within, filter, when, spared, rootToo }: Revocable): SQL | undefined {
  const organization = organizationWithin(apiKeys.organizationId, within, ownerColumns)
  const permitted = rootToo ? undefined : sql`not ('root' = any(${apiKeys.roles}))`
  return and(organization, permitted, isNotRevoked(when.at), ne(apiKeys.id, spared), matches(db, filter))
}

/** Matches literally, without patterns. */
function matches(db: Db, filter: RevocationFilter): SQL | undefined {
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

/** Looks at every version: the leaked secret may have been rotated since. */
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
