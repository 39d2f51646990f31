import type { RevocationKind, RevocationList, RevocationRule } from './revocation-list.ts'
import { createRuleIndex } from './rule-index.ts'
import { effectOf, namesOfToken, ruleName } from './rules.ts'

/** By default a rule takes effect at once, covers all tokens of its name, and stays. Times are seconds since 1970. */
export type MemoryRevocationRule = Pick<RevocationRule, 'kind' | 'value'> & Partial<RevocationRule>

export type MemoryRevocationList = RevocationList & {
  /** Returns a function that removes this rule and no other. */
  revoke(rule: MemoryRevocationRule): () => void
  /** Removes every rule of this kind and value. */
  lift(kind: RevocationKind, value: string): void
}

export type MemoryRevocationListOptions = {
  rules?: readonly MemoryRevocationRule[]
  now?: () => Date
}

/**
 * A list that lives in this process and is always fresh: for tests, and for a service that is alone and revokes nothing from outside.
 * What it holds is gone with the process, and no other process sees it.
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
    const effectiveAt = rule.effectiveAt ?? now().getTime() / 1000
    const whole = { maxVersion: null, issuedBefore: null, expiresAt: null, ...rule, effectiveAt }
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
