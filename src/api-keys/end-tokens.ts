import type { Principal } from '../access/principal.ts'
import type { Db } from '../db/database.ts'
import { addRevocationRule } from '../revocation/rule-queries.ts'
import type { Services } from '../services.ts'

/**
 * Revokes the tokens of all versions up to `version`, whenever they were issued: at once, or from `at` on. With `first`,
 * spares the versions before it.
 */
export async function endTokensOfVersions(
  tx: Db,
  { config }: Pick<Services, 'config'>,
  ended: {
    id: string
    organizationId: string
    first?: number
    version: number
    at?: Date | undefined
    /** From `newRuleId`. */
    ruleId?: string
    reason: string
    actor: Principal
  },
  now: Date,
): Promise<void> {
  const rule = {
    id: ended.ruleId,
    kind: 'api_key',
    value: ended.id,
    ...(ended.first !== undefined && { minVersion: ended.first }),
    maxVersion: ended.version,
    effectiveAt: ended.at,
    expires: 'when_dead',
    organizationId: ended.organizationId,
    reason: ended.reason,
    actor: ended.actor.clientId,
  } as const
  await addRevocationRule(tx, rule, config.clockToleranceSeconds, now)
}

/**
 * Revokes every token that the key has now, for a change of what its tokens contain. Covers the clock tolerance as
 * well: an instance whose clock is ahead may have stamped such a token. Returns the time from which its tokens are
 * usable.
 */
export async function endEarlierTokens(
  tx: Db,
  { config }: Pick<Services, 'config'>,
  { id, organizationId, actor }: { id: string; organizationId: string; actor: Principal },
  now: Date,
): Promise<string> {
  const tolerance = config.clockToleranceSeconds
  const issuedBefore = new Date(now.getTime() + tolerance * 1000)
  const rule = {
    kind: 'api_key',
    value: id,
    issuedBefore,
    expires: 'when_dead',
    organizationId,
    reason: 'settings changed',
    actor: actor.clientId,
  } as const
  await addRevocationRule(tx, rule, tolerance, now)
  return new Date((Math.ceil(issuedBefore.getTime() / 1000) + 1) * 1000).toISOString()
}

/** An exchange that began before the change may still issue a token with the previous lifetime. */
const exchangeSeconds = 60

/**
 * For an expiry that was brought forward. New tokens end with the key by their `exp`; earlier tokens need a rule. It
 * takes effect at the new expiry and covers only tokens issued until now, so it does no harm if the expiry is later
 * postponed.
 */
export async function endTokensWithKey(
  tx: Db,
  { config }: Pick<Services, 'config'>,
  key: {
    id: string
    organizationId: string
    actor: Principal
    previous: { expiresAt: Date | null }
    expiresAt: Date | null
  },
  now: Date,
): Promise<void> {
  const { id, organizationId, actor, previous, expiresAt } = key
  if (expiresAt === null || !isBroughtForward(previous.expiresAt, expiresAt)) return
  const rule = {
    kind: 'api_key',
    value: id,
    issuedBefore: new Date(now.getTime() + exchangeSeconds * 1000),
    effectiveAt: expiresAt > now ? expiresAt : undefined,
    expires: 'when_dead',
    organizationId,
    reason: 'expiry brought forward',
    actor: actor.clientId,
  } as const
  await addRevocationRule(tx, rule, config.clockToleranceSeconds, now)
}

/** Whether the new expiry ends the key, and tokens that it has already, sooner than the previous one. */
export function isBroughtForward(previous: Date | null, expiresAt: Date | null): boolean {
  return expiresAt !== null && (previous === null || previous > expiresAt)
}
