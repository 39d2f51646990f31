import { describeFailure } from './refresher.ts'
import { type RevocableToken, type RevocationList, RevocationListUnavailable } from './revocation-list.ts'
import type { IndexedRule } from './rule-index.ts'
import { namesOfToken, strikes } from './rules.ts'

type StrictListOptions = {
  /** Reads the current rules of these names from the database, in one query. */
  find(names: readonly string[]): Promise<ReadonlyMap<string, readonly IndexedRule[]>>
  now(): Date
  monotonic(): number
  /**
   * Collects the checks of one event-loop turn into one query. Undefined = one query per check, where requests may not
   * share I/O.
   */
  endOfTurn: ((task: () => void) => void) | undefined
  close(): Promise<void>
}

type Check = {
  token: RevocableToken
  names: readonly string[]
  resolve(isRevoked: boolean): void
  reject(error: RevocationListUnavailable): void
}

/** How many checks one query may have. */
const largestBatch = 500

/**
 * A list without a copy in memory: each check asks the database. The checks of one event-loop turn share a query. Never
 * stale.
 *
 * Does not check the token's signature, claims and expiry, which the verifier does before it asks. Does not check
 * `expiresAt` either: every rule that `find` returns counts. A revocation that is committed after the query took its
 * snapshot counts from the next check on. `find` must refuse a replica, because this list cannot recognize stale rules.
 */
export function createStrictList({ find, now, monotonic, endOfTurn, close }: StrictListOptions): RevocationList {
  let waiting: Check[] = []
  let answeredAt: number | undefined
  let failure: unknown
  let closed = false
  /** A planned rule whose time has come once stays in force, although the clock falls back. */
  let latest = Number.NEGATIVE_INFINITY

  async function ask(checks: readonly Check[]): Promise<void> {
    try {
      const rules = await find([...new Set(checks.flatMap(({ names }) => names))])
      answeredAt = monotonic()
      failure = undefined
      latest = Math.max(latest, now().getTime() / 1000)
      const at = latest
      for (const { token, names, resolve } of checks) {
        resolve(names.some((name) => rules.get(name)?.some((rule) => strikes(rule, token, at))))
      }
    } catch (error) {
      failure = error
      for (const { reject } of checks) reject(unavailable())
    }
  }

  function flush(): void {
    const checks = waiting
    waiting = []
    for (let start = 0; start < checks.length; start += largestBatch)
      void ask(checks.slice(start, start + largestBatch))
  }

  function unavailable(): RevocationListUnavailable {
    const reason = closed ? 'the revocation list is closed' : describeFailure('the database did not answer', failure)
    return new RevocationListUnavailable(reason, 1, failure === undefined ? {} : { cause: failure })
  }

  function isRevoked(token: RevocableToken, names: readonly string[]): Promise<boolean> {
    if (closed) return Promise.reject(unavailable())
    return new Promise((resolve, reject) => {
      const check = { token, names, resolve, reject }
      if (!endOfTurn) return void ask([check])
      waiting.push(check)
      if (waiting.length === 1) endOfTurn(flush)
    })
  }

  return {
    namesOf: namesOfToken,
    isRevoked,
    async ready() {
      if (closed) throw unavailable()
      try {
        await find([])
        answeredAt = monotonic()
        failure = undefined
      } catch (error) {
        failure = error
        throw unavailable()
      }
    },
    state() {
      const usable = !closed && failure === undefined
      const ageMilliseconds = answeredAt === undefined ? null : Math.max(0, monotonic() - answeredAt)
      return usable
        ? { usable, ageMilliseconds, rules: null }
        : { usable, ageMilliseconds, rules: null, reason: unavailable().message }
    },
    async close() {
      closed = true
      await close()
    },
  }
}
