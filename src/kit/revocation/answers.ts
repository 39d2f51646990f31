import type { Refresher } from './refresher.ts'
import { type RevocableToken, type RevocationList, RevocationListUnavailable } from './revocation-list.ts'
import type { RuleIndex } from './rule-index.ts'

/** How an in-memory list answers: it makes sure that it is fresh, then looks the token up in its index. */
export function answersFrom(
  index: RuleIndex,
  refresher: Refresher,
  now: () => Date,
): Pick<RevocationList, 'isRevoked' | 'ready' | 'state'> {
  function strikes(token: RevocableToken, names: readonly string[]): boolean {
    const at = seconds(now())
    if (index.lacksRulesAt(at))
      throw new RevocationListUnavailable('the clock went back to a time at which dropped rules still counted')
    return index.strikes(token, names, at)
  }

  return {
    isRevoked(token, names) {
      const refreshed = refresher.ensureFresh()
      return refreshed === undefined ? strikes(token, names) : refreshed.then(() => strikes(token, names))
    },
    ready: refresher.ready,
    state: () => ({ ...refresher.state(), rules: index.size() }),
  }
}

/** Converts to the unit of the index: seconds since 1970, with fractions. */
export function seconds(date: Date): number {
  return date.getTime() / 1000
}
