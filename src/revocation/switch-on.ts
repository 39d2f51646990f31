import type { Db } from '../db/database.ts'
import { issuedBeforeAfterResume } from '../kit/revocation/rules.ts'
import { addRevocationRules, closeOpenRules } from './rule-queries.ts'

/** Keys or an organization that were switched off, and the rules that did it. */
type SwitchedOff = {
  readonly kind: 'api_key' | 'organization'
  readonly values: readonly string[]
  readonly organizationId: string
  /** Null = from before the ids were stored. */
  readonly ruleIds: readonly string[] | null
}

/**
 * Ends the rules of keys that are enabled or of an organization that is resumed: earlier tokens stay revoked, later
 * ones work. Where no such rule is open, a new one revokes the earlier tokens. Another open rule of the same name goes
 * on until it is lifted. Returns how many rules it closed.
 */
export async function switchOn(
  tx: Db,
  { kind, values, organizationId, ruleIds }: SwitchedOff,
  { tolerance, actor }: { tolerance: number; actor: string },
  now: Date,
): Promise<number> {
  const closed = ruleIds ? await closeOpenRules(tx, ruleIds, tolerance, now) : []
  const at = now.getTime() / 1000
  const issuedBefore = new Date(issuedBeforeAfterResume(at, at, tolerance) * 1000)
  const withRule = new Set(closed.map(({ value }) => value))
  const rules = values
    .filter((value) => !withRule.has(value))
    .map((value) => {
      const because = { reason: 'switched on again', actor, organizationId }
      return { kind, value, issuedBefore, expires: 'when_dead' as const, ...because }
    })
  await addRevocationRules(tx, rules, tolerance, now)
  return closed.length
}
