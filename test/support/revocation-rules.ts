import { expect, vi } from 'vitest'
import type { Db } from '../../src/db/database.ts'
import { claimBootstrap } from '../../src/db/service-state.ts'
import type { RevocableToken, RevocationList } from '../../src/kit/revocation/revocation-list.ts'
import { addRevocationRule, type NewRevocationRule } from '../../src/revocation/rule-queries.ts'
import type { MovableClock } from './clock.ts'
import { type DatabaseKind, openTestDatabase, type TestDatabase } from './databases.ts'
import { emptiedDatabase } from './empty-database.ts'

export const tolerance = 30
export const largestTtl = 3600

/** A database that was started once, so that it can hold rules: a new one, or the file's own, emptied. */
export async function openRevocationDatabase(
  kind: DatabaseKind,
  now: Date,
  { emptied = false } = {},
): Promise<TestDatabase> {
  const database = await (emptied ? emptiedDatabase(kind) : openTestDatabase(kind))
  await claimBootstrap(database.db, { largestTokenTtlSeconds: largestTtl, now })
  return database
}

export const seconds = (instant: Date) => instant.getTime() / 1000

/** A token as a verifier knows it. By default it is issued in the second of `clock`. */
export function someToken(clock: MovableClock, changes: Partial<RevocableToken> = {}): RevocableToken {
  return {
    jti: 'jti-1',
    clientId: 'key_1',
    keyVersion: 1,
    organizationId: 'org_1',
    subject: 'user 1',
    kid: 'kid-1',
    issuedAt: Math.floor(seconds(clock.now())),
    ...changes,
  }
}

export type RuleChanges = Partial<NewRevocationRule> & Pick<NewRevocationRule, 'kind' | 'value'>

/** Adds a rule that is not planned and has no issued-before, unless told otherwise. Returns its id. */
export async function addRule(db: Db, now: Date, rule: RuleChanges): Promise<string> {
  const whole = {
    expires: 'when_dead',
    organizationId: null,
    reason: 'test',
    actor: 'system',
    ...rule,
  } as const
  return await db.transaction((tx) => addRevocationRule(tx, whole, tolerance, now))
}

/** The list's verdict right now. */
export async function verdict(list: RevocationList, token: RevocableToken): Promise<boolean> {
  return await list.isRevoked(token, await list.namesOf(token))
}

/** Waits until the list gives this verdict. */
export async function untilVerdict(list: RevocationList, token: RevocableToken, expected: boolean): Promise<void> {
  await vi.waitFor(async () => expect(await verdict(list, token)).toBe(expected), {
    timeout: 60_000,
    interval: 5,
  })
}

/** A monotonic clock that only moves when told to. */
export function movableMilliseconds(): { monotonic: () => number; advance(milliseconds: number): void } {
  let current = 1_000_000
  return {
    monotonic: () => current,
    advance(milliseconds) {
      current += milliseconds
    },
  }
}
