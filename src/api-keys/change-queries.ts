import { and, eq, isNull, sql } from 'drizzle-orm'
import { isAlive } from '../access/live-key-queries.ts'
import type { Reach } from '../access/permissions.ts'
import type { Db } from '../db/database.ts'
import { apiKeys } from '../db/schema.ts'
import type { RestrictionReach } from './restriction-reach.ts'
import type { ApiKeyDraft } from './settings.ts'

/** Returned by every statement that changes a key; undefined = nothing changed. */
const changed = { id: apiKeys.id, organizationId: apiKeys.organizationId, revision: apiKeys.revision }

/** Every change increments the revision. */
export const nextRevision = sql`${apiKeys.revision} + 1`

/** Keeps all other changes of the key waiting until the transaction ends. Exchanges continue. */
export async function lockApiKeyRow(tx: Db, id: string): Promise<void> {
  await tx.select({ id: apiKeys.id }).from(apiKeys).where(eq(apiKeys.id, id)).for('no key update')
}

/** Stores the settings, but never environment or organization. The caller has locked the key and checked the draft. */
export async function storeApiKey(tx: Db, id: string, draft: Omit<ApiKeyDraft, 'environment'> & RestrictionReach) {
  // A new rotation period is reminded of again.
  const rotationWarnedAt = sql`case when ${apiKeys.rotateEverySeconds} is not distinct from ${draft.rotateEverySeconds}::integer
    then ${apiKeys.rotationWarnedAt} end`
  const [apiKey] = await tx
    .update(apiKeys)
    .set({ ...draft, rotationWarnedAt, revision: nextRevision })
    .where(eq(apiKeys.id, id))
    .returning(changed)
  return apiKey
}

type Disabling = { id: string; disabledBy: string; disabledReach: Reach }

/** Records a wider reach for a key that is disabled already. The caller has locked it. */
export async function widenDisabling(tx: Db, { id, ...by }: Disabling): Promise<void> {
  await tx
    .update(apiKeys)
    .set({ ...by, revision: nextRevision })
    .where(eq(apiKeys.id, id))
}

/** Disables a key that is neither disabled, revoked nor expired. The caller adds the rule with this id. */
export async function markApiKeyDisabled(tx: Db, { id, ...by }: Disabling & { disabledRuleId: string }, now: Date) {
  const mayBe = and(isNull(apiKeys.disabledAt), isAlive(now))
  const [apiKey] = await tx
    .update(apiKeys)
    .set({ disabledAt: now, ...by, revision: nextRevision })
    .where(and(eq(apiKeys.id, id), mayBe))
    .returning(changed)
  return apiKey
}

/** Enables a key. The caller has locked it and seen that it is disabled. */
export async function markApiKeyEnabled(tx: Db, id: string) {
  const [apiKey] = await tx
    .update(apiKeys)
    .set({ disabledAt: null, disabledBy: null, disabledReach: null, disabledRuleId: null, revision: nextRevision })
    .where(eq(apiKeys.id, id))
    .returning(changed)
  return apiKey
}

/** Expires a key that is neither revoked nor expired. */
export async function markApiKeyExpired(tx: Db, id: string, now: Date) {
  const [apiKey] = await tx
    .update(apiKeys)
    .set({ expiresAt: now, ended: true, revision: nextRevision })
    .where(and(eq(apiKeys.id, id), isAlive(now)))
    .returning(changed)
  return apiKey
}
