import { eq, sql } from 'drizzle-orm'
import { beforeAll, describe, expect, test } from 'vitest'
import type { Db } from '../../src/db/database.ts'
import { revocationState, revocations } from '../../src/db/schema.ts'
import {
  keptForReadersSeconds,
  pruneRevocations,
  raiseLargestTokenTtl,
  startNewGeneration,
} from '../../src/revocation/maintenance-queries.ts'
import { addRevocationRule, closeOpenRules, liftRevocationRule } from '../../src/revocation/rule-queries.ts'
import { databaseKinds } from '../support/databases.ts'
import { addRule, largestTtl, openRevocationDatabase, seconds, tolerance } from '../support/revocation-rules.ts'

const now = new Date('2026-10-01T10:00:00.250Z')
const later = (from: Date, secondsLater: number) => new Date(from.getTime() + secondsLater * 1000)

describe.each(databaseKinds)('the rules in the database on %s', (kind) => {
  let db: Db
  beforeAll(async () => {
    db = (await openRevocationDatabase(kind, now)).db
  })

  async function find(id: string) {
    const [row] = await db.select().from(revocations).where(eq(revocations.id, id))
    if (!row) throw new Error('the rule is gone')
    return row
  }
  const rule = (changes: Parameters<typeof addRule>[2]) => addRule(db, now, changes)

  test('a rule stays until the last token that it covers has expired, leeway included', async () => {
    const wholeSecond = new Date('2026-10-01T10:00:01.000Z')
    const { expiresAt } = await find(await rule({ kind: 'api_key', value: 'key_1' }))
    expect(expiresAt).toEqual(later(wholeSecond, largestTtl + tolerance))
    const issuedBefore = new Date('2026-10-01T09:00:00.001Z')
    const narrowed = await find(await rule({ kind: 'organization', value: 'org_1', issuedBefore }))
    expect(narrowed.expiresAt).toEqual(later(wholeSecond, largestTtl + tolerance))
    const effectiveAt = later(now, 86_400)
    const scheduled = await find(await rule({ kind: 'token', value: 'j', effectiveAt }))
    expect(scheduled.expiresAt).toEqual(later(wholeSecond, 86_400 + largestTtl + tolerance))
  })

  test('a rule that covers future tokens never expires, and neither does one on a stolen signing key', async () => {
    for (const open of [
      { kind: 'subject', value: 'org_1 alice' },
      { kind: 'organization', value: 'org_1' },
      { kind: 'all', value: '*' },
      { kind: 'signing_key', value: 'kid', issuedBefore: now },
      { kind: 'api_key', value: 'key_1', expires: 'never' },
    ] as const) {
      expect((await find(await rule(open))).expiresAt).toBeNull()
    }
  })

  test('a rule on a signing key has no time limit that a thief could get around', async () => {
    expect((await find(await rule({ kind: 'signing_key', value: 'kid', issuedBefore: now }))).issuedBefore).toBeNull()
  })

  test('lifting changes the row once, and readers find the change by its number', async () => {
    const id = await rule({ kind: 'token', value: 'lifted' })
    const before = await find(id)
    expect(await liftRevocationRule(db, id, now)).toBe(true)
    const lifted = await find(id)
    expect(lifted.liftedAt).toEqual(now)
    expect(lifted.sequence > before.sequence).toBe(true)
    expect(await liftRevocationRule(db, id, later(now, 5))).toBe(false)
    expect((await find(id)).liftedAt).toEqual(now)
    expect(await liftRevocationRule(db, 'rev_none', now)).toBe(false)
  })

  test('resuming an organization keeps only earlier tokens revoked', async () => {
    const suspended = await rule({ kind: 'organization', value: 'org_resumed', expires: 'never' })
    const other = await rule({ kind: 'organization', value: 'org_other', expires: 'never' })
    const resumedAt = later(now, 600)
    expect(await closeOpenRules(db, [suspended], tolerance, resumedAt)).toEqual([{ value: 'org_resumed' }])
    const closed = await find(suspended)
    expect(closed.issuedBefore).toEqual(resumedAt)
    expect(closed.expiresAt).toEqual(later(new Date('2026-10-01T10:10:01.000Z'), largestTtl + tolerance))
    expect((await find(other)).issuedBefore).toBeNull()
    expect(await closeOpenRules(db, [suspended], tolerance, resumedAt)).toEqual([])
  })

  test('resuming within the clock tolerance also revokes tokens that a fast clock stamped', async () => {
    const id = await rule({ kind: 'api_key', value: 'key_flapping', expires: 'never' })
    await closeOpenRules(db, [id], tolerance, later(now, 1))
    expect((await find(id)).issuedBefore).toEqual(later(now, tolerance))
  })

  test('enabling a key does not weaken the rule of its revocation', async () => {
    const id = await rule({ kind: 'api_key', value: 'key_revoked' })
    expect(await closeOpenRules(db, [id], tolerance, later(now, 1))).toEqual([])
    expect((await find(id)).issuedBefore).toBeNull()
  })

  test('a rule whose transaction is rolled back never existed', async () => {
    const attempt = db.transaction(async (tx) => {
      const whole = {
        kind: 'token',
        value: 'undone',
        expires: 'never',
        organizationId: null,
        reason: '',
        actor: 'x',
      } as const
      await addRevocationRule(tx, whole, tolerance, now)
      throw new Error('undo')
    })
    await expect(attempt).rejects.toThrow('undo')
    expect(await db.select().from(revocations).where(eq(revocations.value, 'undone'))).toEqual([])
  })
})

describe.each(databaseKinds)('changes of the whole list on %s', (kind) => {
  test('a larger token lifetime extends the rules on the list, a smaller one changes nothing', async () => {
    const { db } = await openRevocationDatabase(kind, now)
    await addRule(db, now, { kind: 'token', value: 'j', effectiveAt: later(now, 86_400) })
    await addRule(db, now, { kind: 'all', value: '*' })
    const read = () =>
      db
        .select({ expiresAt: revocations.expiresAt, sequence: revocations.sequence })
        .from(revocations)
        .orderBy(revocations.kind)
    const before = await read()
    const announced: string[] = []
    const announce = async (tx: Db) => {
      const [state] = await tx.select().from(revocationState)
      announced.push(`with ${state?.largestTokenTtlSeconds} in force`)
    }
    await raiseLargestTokenTtl(db, largestTtl - 1, announce)
    expect(announced).toEqual([])
    expect(await read()).toEqual(before)
    await raiseLargestTokenTtl(db, largestTtl + 500, announce)
    expect(announced).toEqual([`with ${largestTtl} in force`])
    const [all, token] = await read()
    expect(all?.expiresAt).toBeNull()
    expect(seconds(token?.expiresAt ?? now) - seconds(before[1]?.expiresAt ?? now)).toBe(500)
    expect((token?.sequence ?? 0) > (before[1]?.sequence ?? 0)).toBe(true)
    const [state] = await db.select().from(revocationState)
    expect(state?.largestTokenTtlSeconds).toBe(largestTtl + 500)
  })

  test('a restore starts a higher generation and revokes everything issued until then', async () => {
    const { db } = await openRevocationDatabase(kind, now)
    const restoredAt = later(now, 100)
    const first = await db.transaction((tx) => startNewGeneration(tx, restoredAt))
    expect(first).toBe(restoredAt.getTime())
    const second = await db.transaction((tx) => startNewGeneration(tx, now))
    expect(second).toBe(first + 1)
    const [rule] = await db.select().from(revocations).where(eq(revocations.issuedBefore, restoredAt))
    expect(rule).toMatchObject({ kind: 'all', value: '*', reason: 'restored from a backup' })
    expect(rule?.expiresAt).not.toBeNull()
  })

  test('pruning deletes only rules that no reader needs', async () => {
    const { db } = await openRevocationDatabase(kind, now)
    await addRule(db, now, { kind: 'token', value: 'expires' })
    const lifted = await addRule(db, now, { kind: 'all', value: '*' })
    await liftRevocationRule(db, lifted, now)
    await addRule(db, now, { kind: 'signing_key', value: 'stays' })
    expect(await pruneRevocations(db, later(now, keptForReadersSeconds))).toBe(0)
    expect(await pruneRevocations(db, later(now, keptForReadersSeconds + 1))).toBe(1)
    expect(await pruneRevocations(db, later(now, largestTtl + tolerance + keptForReadersSeconds))).toBe(0)
    expect(await pruneRevocations(db, later(now, largestTtl + tolerance + keptForReadersSeconds + 2))).toBe(1)
    expect(await db.select({ value: revocations.value }).from(revocations)).toEqual([{ value: 'stays' }])
  })

  test('a fast service clock does not prune rules that are still needed by the database clock', async () => {
    const { db } = await openRevocationDatabase(kind, now)
    const [clock] = await db.select({ now: sql<string>`clock_timestamp()::text` }).from(revocationState)
    const databaseNow = new Date(clock?.now ?? Number.NaN)
    await addRule(db, databaseNow, { kind: 'token', value: 'j' })
    expect(await pruneRevocations(db, later(databaseNow, 1_000_000))).toBe(0)
  })
})
