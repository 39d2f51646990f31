import type { RevocationKind, RevocationList, RevocationRule } from './revocation-list.ts'
import { createRuleIndex } from './rule-index.ts'
import { effectOf, namesOfToken, ruleName } from './rules.ts'

/**
 * By default a rule is in force at once, covers all tokens of its name, and has no expiry. Times are seconds since
 * 1970.
 */
export type MemoryRevocationRule = Pick<RevocationRule, 'kind' | 'value'> & Partial<RevocationRule>

const unlimited = { minVersion: null, maxVersion: null, issuedBefore: null, effectiveAt: null, expiresAt: null }

export type MemoryRevocationList = RevocationList & {
  /** Adds a rule. Returns a function that removes this rule only. */
  revoke(rule: MemoryRevocationRule): () => void
  /** Removes every rule of this kind and value. */
  lift(kind: RevocationKind, value: string): void
}

export type MemoryRevocationListOptions = {
  rules?: readonly MemoryRevocationRule[]
  now?: () => Date
}

/**
 * A list in the memory of this process, for tests and for a single process that does all revoking itself. The rules are
 * lost when the process ends, and no other process sees them.
 *
 * Does not check:
 * - the token's signature, claims and expiry: the verifier does that before it asks;
 * - what the service revoked: the list has only the rules that you add, and always reports that it is fresh;
 * - the `expiresAt` of a rule: a rule counts until you remove it;
 * - whether the value of a rule exists: a rule with a misspelled value revokes nothing.
 *
 * @example
 * ```ts
 * import { memoryRevocationList } from 'mintage/revocation'
 *
 * const revocations = memoryRevocationList()
 * const lift = revocations.revoke({ kind: 'api_key', value: 'key_0123' })
 * lift()
 * ```
 */
export function memoryRevocationList({
  rules = [],
  now = () => new Date(),
}: MemoryRevocationListOptions = {}): MemoryRevocationList {
  const index = createRuleIndex()
  let added = 0

  function revoke(rule: MemoryRevocationRule): () => void {
    const whole = { ...unlimited, ...rule }
    const name = ruleName(rule.kind, rule.value)
    added += 1
    const id = String(added)
    index.set(name, [...index.find(name), { id, ...effectOf(whole) }])
    return () =>
      index.set(
        name,
        index.find(name).filter((other) => other.id !== id),
      )
  }

  for (const rule of rules) revoke(rule)
  return {
    namesOf: namesOfToken,
    isRevoked: (token, names) => index.strikes(token, names, now().getTime() / 1000),
    async ready() {},
    state: () => ({ usable: true, ageMilliseconds: 0, rules: index.size() }),
    async close() {},
    revoke,
    lift: (kind, value) => index.set(ruleName(kind, value), []),
  }
}
