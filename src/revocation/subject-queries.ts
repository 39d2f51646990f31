import { and, type Column, eq, exists, gt, inArray, isNull, type SQL, sql } from 'drizzle-orm'
import type { Db } from '../db/database.ts'
import { revocations } from '../db/schema.ts'

type Subject = 'api_key' | 'signing_key'

/** Whether a rule on the list names the key, no matter who added it. */
export async function isNamedByRule(db: Db, kind: Subject, value: string): Promise<boolean> {
  const rules = await db
    .select({ id: revocations.id })
    .from(revocations)
    .where(and(isOnList(kind), eq(revocations.value, value)))
    .limit(1)
  return rules.length > 0
}

/** The condition that a rule on the list names the key and will expire after `now`. */
export function hasExpiringRule(db: Db, kind: Subject, value: Column, now: Date): SQL {
  const rule = db
    .select({ one: sql`1` })
    .from(revocations)
    .where(and(isOnList(kind), eq(revocations.value, value), gt(revocations.expiresAt, now)))
  return exists(rule)
}

/** Lifts the rules about these keys that would never expire. */
export async function liftLastingRules(tx: Db, kind: Subject, values: readonly string[], now: Date): Promise<void> {
  await tx
    .update(revocations)
    .set({ liftedAt: now })
    .where(and(isOnList(kind), inArray(revocations.value, [...values]), isNull(revocations.expiresAt)))
}

function isOnList(kind: Subject): SQL | undefined {
  return and(eq(revocations.kind, kind), isNull(revocations.liftedAt))
}
