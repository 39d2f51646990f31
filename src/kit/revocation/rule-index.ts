import type { RevocableToken } from './revocation-list.ts'
import { type RuleEffect, strikes } from './rules.ts'

/**
 * A rule as the index keeps it. The id distinguishes rules with the same name. A feed has no ids: it replaces all rules
 * of a name together.
 */
export type IndexedRule = RuleEffect & { readonly id: string }

/** The rules of an in-memory list, by name. A check costs one lookup per name, however many rules there are. */
export type RuleIndex = {
  find(name: string): readonly IndexedRule[]
  names(): Iterable<string>
  /** Replaces every rule of the name. An empty array removes the name. */
  set(name: string, rules: readonly IndexedRule[]): void
  /** Replaces everything at once, so that no check sees half of it. */
  replace(rules: ReadonlyMap<string, readonly IndexedRule[]>): void
  /**
   * Whether a rule with one of these names revokes the token at `now`, in seconds. Considers all rules of each name. A
   * planned rule whose time has come once stays in force, although the clock falls back.
   */
  strikes(token: RevocableToken, names: readonly string[], now: number): boolean
  /** The latest time, in seconds, that the list has seen, now included. Planned rules are compared with it. */
  reached(now: number): number
  /** Drops rules that expired at least `keepExpiredSeconds` before `now`, in seconds. */
  dropExpired(now: number): void
  /**
   * True if the clock went back to a time at which a dropped rule still counts. Load the list again before it answers.
   */
  lacksRulesAt(now: number): boolean
  size(): number
}

/**
 * Expired rules stay this much longer, because a verifier may allow more leeway than the service knows, or its clock
 * may run fast.
 */
export const keepExpiredSeconds = 300

export function createRuleIndex(): RuleIndex {
  let byName = new Map<string, readonly IndexedRule[]>()
  let size = 0
  /** The latest expiry among the dropped rules. */
  let droppedUntil = Number.NEGATIVE_INFINITY
  let latest = Number.NEGATIVE_INFINITY

  function reached(now: number): number {
    latest = Math.max(latest, now)
    return latest
  }

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
    reached,
    strikes(token, names, now) {
      const at = reached(now)
      for (const name of names) {
        const rules = byName.get(name)
        if (rules === undefined) continue
        for (const rule of rules) if (strikes(rule, token, at)) return true
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
