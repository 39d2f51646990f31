import type { RevocableToken } from './revocation-list.ts'
import { type RuleEffect, strikes } from './rules.ts'

/** A rule as the index keeps it. The id tells rules of one name apart; a feed has no ids and replaces all rules of a name together. */
export type IndexedRule = RuleEffect & { readonly id: string }

/** The rules of a list in memory, by name: a check costs one look per name however many rules there are. */
export type RuleIndex = {
  find(name: string): readonly IndexedRule[]
  names(): Iterable<string>
  /** Replaces every rule of the name; none removes it. */
  set(name: string, rules: readonly IndexedRule[]): void
  /** Replaces everything at once: no check in between sees half of it. */
  replace(rules: ReadonlyMap<string, readonly IndexedRule[]>): void
  /** Whether any rule of these names makes the token dead at `now`, in seconds. All rules of a name are considered. */
  strikes(token: RevocableToken, names: readonly string[], now: number): boolean
  /** Drops rules that expired longer than `keepExpiredSeconds` before `now`, in seconds. */
  dropExpired(now: number): void
  /** True when the clock went back to where a dropped rule still counts: the list must be loaded again before it answers. */
  lacksRulesAt(now: number): boolean
  size(): number
}

/** A verifier may be configured with more leeway than the service knows of, and its clock may run fast: expired rules stay this much longer. */
export const keepExpiredSeconds = 300

export function createRuleIndex(): RuleIndex {
  let byName = new Map<string, readonly IndexedRule[]>()
  let size = 0
  /** The latest expiry among the rules that were dropped. */
  let droppedUntil = Number.NEGATIVE_INFINITY

  function set(name: string, rules: readonly IndexedRule[]): void {
    size += rules.length - (byName.get(name)?.length ?? 0)
    if (rules.length === 0) byName.delete(name)
    else byName.set(name, rules)
  }

  return {
    find: (name) => byName.get(name) ?? [],
    names: () => byName.keys(),
    set,
    replace(rules) {
      byName = new Map(rules)
      size = 0
      for (const list of byName.values()) size += list.length
      droppedUntil = Number.NEGATIVE_INFINITY
    },
    strikes(token, names, now) {
      for (const name of names) {
        const rules = byName.get(name)
        if (rules === undefined) continue
        for (const rule of rules) if (strikes(rule, token, now)) return true
      }
      return false
    },
    dropExpired(now) {
      for (const [name, rules] of byName) {
        const kept = rules.filter(({ expiresAt }) => expiresAt === null || !(expiresAt + keepExpiredSeconds <= now))
        if (kept.length === rules.length) continue
        for (const { expiresAt } of rules) {
          if (expiresAt !== null && expiresAt + keepExpiredSeconds <= now)
            droppedUntil = Math.max(droppedUntil, expiresAt)
        }
        set(name, kept)
      }
    },
    lacksRulesAt: (now) => now < droppedUntil,
    size: () => size,
  }
}
