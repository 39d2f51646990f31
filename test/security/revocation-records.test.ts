import { sql } from 'drizzle-orm'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Db } from '../../src/db/database.ts'
import { revocationState, revocations } from '../../src/db/schema.ts'
import { feedRevocationList } from '../../src/kit/revocation/feed.ts'
import { keepExpiredSeconds } from '../../src/kit/revocation/rule-index.ts'
import { serviceRevocationSource } from '../../src/revocation/list-queries.ts'
import { pruneRevocations, raiseLargestTokenTtl, startNewGeneration } from '../../src/revocation/maintenance-queries.ts'
import { addRevocationRule } from '../../src/revocation/rule-queries.ts'
import { movableClock } from '../support/clock.ts'
import { databaseKinds } from '../support/databases.ts'
import { signFeed, startFeedService } from '../support/feed-service.ts'
import {
  addRule,
  openRevocationDatabase,
  seconds,
  someToken,
  untilVerdict,
  verdict,
} from '../support/revocation-rules.ts'
import { clock, follow, scriptedSource } from '../support/synced-list.ts'
import { issuerUrl } from '../support/test-issuer.ts'

const token = (jti: string) => someToken(clock, { jti })

describe.each(databaseKinds)('A53: a revocation on %s', (kind) => {
  test('is never pruned before the last token that it covers has expired for every verifier', async () => {
    const start = movableClock().now()
    const { db } = await openRevocationDatabase(kind, start)
    const later = (secondsLater: number) => new Date(start.getTime() + secondsLater * 1000)
    let number = 0
    const rule = fc.record({
      kind: fc.constantFrom('token', 'api_key', 'organization', 'subject', 'all', 'signing_key'),
      effective: fc.integer({ min: 0, max: 20_000_000 }).map((milliseconds) => milliseconds / 1000),
      issuedBefore: fc.option(
        fc.integer({ min: -20_000_000, max: 20_000_000 }).map((milliseconds) => milliseconds / 1000),
      ),
      tolerance: fc.integer({ min: 0, max: 300 }),
      ttl: fc.integer({ min: 1, max: 86_400 }),
      /** A verifier's extra leeway, and how slow its clock is. */
      extraLeeway: fc.integer({ min: 0, max: keepExpiredSeconds }),
      slowBy: fc.integer({ min: 0, max: 3000 }),
    } as const)
    await fc.assert(
      fc.asyncProperty(rule, async ({ kind, effective, issuedBefore, tolerance, ttl, extraLeeway, slowBy }) => {
        number += 1
        const value = `name ${number}`
        const whole = {
          kind,
          value,
          effectiveAt: later(effective),
          expires: 'when_dead',
          organizationId: null,
          reason: '',
          actor: 'x',
        } as const
        const limit = issuedBefore === null ? {} : { issuedBefore: later(issuedBefore) }
        await addRevocationRule(db, { ...whole, ...limit }, tolerance, start)
        await raiseLargestTokenTtl(db, ttl, async () => {})
        const [state] = await db.select({ largest: sql<number>`largest_token_ttl_seconds` }).from(sql`revocation_state`)
        const lastIssue = Math.ceil(seconds(later(issuedBefore ?? effective)))
        const lastBreath = lastIssue + (state?.largest ?? 0) + tolerance + extraLeeway + slowBy
        await pruneRevocations(db, new Date(Math.min(lastBreath * 1000, Date.now())))
        expect(await has(db, value)).toBe(true)
      }),
      { numRuns: kind === 'embedded' ? 100 : 50 },
    )
  })
})

async function has(db: Db, value: string): Promise<boolean> {
  const rows = await db.select({ id: revocations.id }).from(revocations).where(sql`${revocations.value} = ${value}`)
  return rows.length === 1
}

describe.each(databaseKinds)('A55: a database restored from a backup that lost a revocation, on %s', (kind) => {
  test('accepts no token from before the restore once the new generation is started', async () => {
    const { db } = await openRevocationDatabase(kind, clock.now())
    const list = follow(serviceRevocationSource(db))
    const revoked = token('revoked')
    await addRule(db, clock.now(), { kind: 'token', value: 'revoked' })
    await list.refresh()
    await db.delete(revocations) // what the restore does
    clock.advance(60)
    await db.transaction((tx) => startNewGeneration(tx, clock.now()))
    await list.refresh()
    expect(await verdict(list, revoked)).toBe(true)
    const restarted = follow(serviceRevocationSource(db))
    await restarted.refresh()
    expect(await verdict(restarted, revoked)).toBe(true)
    clock.advance(2)
    expect(await verdict(list, token('issued after'))).toBe(false)
  })

  test('makes readers of its feed fail closed until the new generation is started', async () => {
    const { db } = await openRevocationDatabase(kind, clock.now())
    const older = await openRevocationDatabase(kind, clock.now())
    const service = await startFeedService(db, clock)
    const restored = { ...(await startFeedService(older.db, clock)), recordKey: service.recordKey }
    let now = service
    const list = feedRevocationList({
      issuer: issuerUrl,
      now: clock.now,
      refreshMilliseconds: 20,
      maximumStalenessMilliseconds: 300,
      // The same key ring on both sides of the restore.
      async fetch(input, init) {
        if (!input.includes('/revocations')) return await service.fetch(input, init)
        const claims = await now.feed.document(new URL(input).searchParams.get('cursor') ?? undefined)
        const payload = JSON.parse(Buffer.from(claims.body.split('.')[1] ?? '', 'base64url').toString())
        return new Response(await signFeed(service.recordKey, payload))
      },
    })
    try {
      for (let number = 0; number < 20; number += 1)
        await addRule(db, clock.now(), { kind: 'token', value: `${number}` })
      await service.list.refresh()
      const early = token('early')
      await untilVerdict(list, { ...early, jti: '19' }, true)
      // The older database has fewer rules, and the generation of its backup.
      await older.db.update(revocationState).set({ generation: clock.now().getTime() - 1 })
      now = restored
      await restored.list.refresh()
      clock.advance(1)
      await expect.poll(() => verdict(list, early).catch((error: Error) => error.message)).toMatch(/goes back/)
      await older.db.transaction((tx) => startNewGeneration(tx, clock.now()))
      await restored.list.refresh()
      clock.advance(1)
      await expect.poll(() => verdict(list, early).catch(() => 'unavailable')).toBe(true)
    } finally {
      await list.close()
    }
  })
})

describe('A57: notifications', () => {
  test.each<[string, (notify: () => void) => void]>([
    ['lost', () => {}],
    ['duplicated', (notify) => Array.from({ length: 100 }, notify)],
    ['late', (notify) => setTimeout(notify, 50)],
  ])('that are %s delay no revocation for longer than a poll', async (_, deliver) => {
    const database = scriptedSource()
    const list = follow(database.source, { pollMilliseconds: 100 })
    list.start()
    await list.ready()
    for (let number = 0; number < 5; number += 1) {
      database.revoke(`j${number}`)
      deliver(database.notify)
      await untilVerdict(list, token(`j${number}`), true)
    }
  })
})
