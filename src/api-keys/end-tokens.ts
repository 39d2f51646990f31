import type { Principal } from '../access/principal.ts'
import type { Db } from '../db/database.ts'
import { addRevocationRule } from '../revocation/rule-queries.ts'
import type { Services } from '../services.ts'

/** Tokens of these versions are dead from `at` on, whenever they were issued. */
export async function endTokensOfVersions(
  tx: Db,
  { config }: Pick<Services, 'config'>,
  ended: { id: string; organizationId: string; version: number; at: Date; reason: string; actor: Principal },
  now: Date,
): Promise<void> {
  const rule = {
    kind: 'api_key',
    value: ended.id,
    maxVersion: ended.version,
    effectiveAt: ended.at,
    expires: 'when_dead',
    organizationId: ended.organizationId,
    reason: ended.reason,
    actor: ended.actor.clientId,
  } as const
  await addRevocationRule(tx, rule, config.clockToleranceSeconds, now)
}

/** An exchange that began before the change may still make a token of the former lifetime. */
const exchangeSeconds = 60

/**
 * New tokens end with the key by their `exp`. Those from before an expiry that was brought forward need a rule: it strikes at the new end, and
 * only what was issued until now, so that a key whose end is put off again is not hurt.
 */
export async function endTokensWithKey(
  tx: Db,
  { config }: Pick<Services, 'config'>,
  key: {
    id: string
    organizationId: string
    actor: Principal
    former: { expiresAt: Date | null }
    expiresAt: Date | null
  },
  now: Date,
): Promise<void> {
  const { id, organizationId, actor, former, expiresAt } = key
  if (expiresAt === null || (former.expiresAt !== null && former.expiresAt <= expiresAt)) return
  const rule = {
    kind: 'api_key',
    value: id,
    issuedBefore: new Date(now.getTime() + exchangeSeconds * 1000),
    effectiveAt: expiresAt,
    expires: 'when_dead',
    organizationId,
    reason: 'expiry brought forward',
    actor: actor.clientId,
  } as const
  await addRevocationRule(tx, rule, config.clockToleranceSeconds, now)
}
