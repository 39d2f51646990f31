import { and, desc, eq, lt } from 'drizzle-orm'
import type { Within } from '../access/authorize.ts'
import { organizationWithin } from '../access/queries.ts'
import type { Db } from '../db/database.ts'
import { revocations } from '../db/schema.ts'

export type RevocationRow = Omit<typeof revocations.$inferSelect, 'branch' | 'extendedToSeconds' | 'sequence'>

const revocationRow = {
  id: revocations.id,
  kind: revocations.kind,
  value: revocations.value,
  minVersion: revocations.minVersion,
  maxVersion: revocations.maxVersion,
  issuedBefore: revocations.issuedBefore,
  effectiveAt: revocations.effectiveAt,
  expiresAt: revocations.expiresAt,
  liftedAt: revocations.liftedAt,
  organizationId: revocations.organizationId,
  reason: revocations.reason,
  reasonText: revocations.reasonText,
  actor: revocations.actor,
  createdAt: revocations.createdAt,
}

export async function findRevocation(
  db: Db,
  where: { id: string; within: Within },
): Promise<RevocationRow | undefined> {
  const [row] = await db
    .select(revocationRow)
    .from(revocations)
    .where(and(eq(revocations.id, where.id), organizationWithin(revocations.organizationId, where.within)))
    .limit(1)
  return row
}

/**
 * Newest first, at most `limit`, only ids before `before`. Includes lifted and expired rules until maintenance prunes
 * them.
 */
export async function selectRevocations(
  db: Db,
  where: { within: Within; before: string | undefined; limit: number },
): Promise<RevocationRow[]> {
  return await db
    .select(revocationRow)
    .from(revocations)
    .where(
      and(
        organizationWithin(revocations.organizationId, where.within),
        where.before === undefined ? undefined : lt(revocations.id, where.before),
      ),
    )
    .orderBy(desc(revocations.id))
    .limit(where.limit)
}
