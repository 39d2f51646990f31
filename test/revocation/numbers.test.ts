import { asc, eq, sql } from 'drizzle-orm'
import fc from 'fast-check'
import { beforeEach, describe, expect, test } from 'vitest'
import type { Db } from '../../src/db/database.ts'
import { sqlState } from '../../src/db/failure.ts'
import { revocationState, revocations } from '../../src/db/schema.ts'
import { createSyncedList } from '../../src/kit/revocation/synced.ts'
import { serviceRevocationSource } from '../../src/revocation/list-queries.ts'
import { pruneRevocations, raiseLargestTokenTtl, startNewGeneration } from '../../src/revocation/maintenance-queries.ts'
import { closeOpenRules, liftRevocationRule } from '../../src/revocation/rule-queries.ts'
import { databaseKinds } from '../support/databases.ts'
import {
  addRule,
  largestTtl,
  openRevocationDatabase,
  someToken,
  tolerance,
  verdict,
} from '../support/revocation-rules.ts'
import { clock, counted, follow } from '../support/synced-list.ts'

const token = (jti: string) => someToken(clock, { jti })
const longAgo = new Date(0)

describe.each(databaseKinds)('the numbers of rules on %s', (kind) => {
  let db: Db
  beforeEach(async () => {
    db = (await openRevocationDatabase(kind, clock.now(), { emptied: true })).db
  })

  const add = (value: string) => addRule(db, clock.now(), { kind: 'token', value })
  const numbers = async () =>
    (await db.select({ sequence: revocations.sequence }).from(revocations).orderBy(asc(revocations.sequence))).map(
      ({ sequence }) => sequence,
    )
  const state = async () => (await db.select().from(revocationState))[0]

  test('each written, changed or lifted rule gets the next one, in a statement with many rules too', async () => {
    const id = await add('a')
    await add('b')
    expect(await numbers()).toEqual([1, 2])
    await liftRevocationRule(db, id, clock.now())
    expect(await numbers()).toEqual([2, 3])
    await db.update(revocations).set({ reason: 'changed' })
    expect(await numbers()).toEqual([4, 5])
  })

  test('statements by hand take part, and cannot choose their number', async () => {
    const { source } = counted(serviceRevocationSource(db))
    const list = follow(source)
    await list.refresh()
    await db.execute(sql`
      insert into revocations (id, kind, value, effective_at, reason, actor, created_at, sequence)
      values ('rev_hand', 'token', 'by hand', ${longAgo.toISOString()}::timestamptz, 'test', 'psql', now(), 7000)`)
    await list.refresh()
    expect(await verdict(list, token('by hand'))).toBe(true)
    expect(await numbers()).toEqual([1])
    await db.execute(sql`update revocations set effective_at = now() + interval '10 years', sequence = 0`)
    await list.refresh()
    expect(await verdict(list, token('by hand'))).toBe(false)
    await db.execute(sql`update revocations set effective_at = '1970-01-01'`)
    await list.refresh()
    expect(await verdict(list, token('by hand'))).toBe(true)
    await db.execute(sql`update revocations set lifted_at = now()`)
    await list.refresh()
    expect(await verdict(list, token('by hand'))).toBe(false)
    expect(await numbers()).toEqual([4])
  })

  test('a transaction that is rolled back leaves no trace for a reader', async () => {
    const list = follow(serviceRevocationSource(db))
    await add('before')
    await list.refresh()
    const undone = db.transaction(async (tx) => {
      await addRule(tx, clock.now(), { kind: 'token', value: 'undone' })
      throw new Error('undo')
    })
    await expect(undone).rejects.toThrow('undo')
    await list.refresh()
    await add('after')
    await list.refresh()
    const verdicts = await Promise.all(['before', 'undone', 'after'].map((jti) => verdict(list, token(jti))))
    expect(verdicts).toEqual([true, false, true])
  })

  test('deleting rules raises what readers must have read, and never takes the number back', async () => {
    const lifted = await add('lifted')
    await add('stays')
    await liftRevocationRule(db, lifted, longAgo)
    const { source, fullLoads } = counted(serviceRevocationSource(db))
    const [current, behind] = [follow(source), follow(source)]
    await current.refresh()
    expect(await pruneRevocations(db, clock.now())).toBe(1)
    expect(await state()).toMatchObject({ prunedUpTo: 3 })
    await current.refresh()
    expect([fullLoads(), (await source.read(0)).sequence]).toEqual([1, 3])
    await behind.refresh()
    await db.execute(sql`delete from revocations`)
    await add('next')
    expect([await numbers(), (await source.read(0)).prunedUpTo]).toEqual([[4], 3])
  })

  test('emptying the table by hand takes the number not back either', async () => {
    await add('a')
    await add('b')
    await db.execute(sql`truncate revocations`)
    await add('c')
    expect(await numbers()).toEqual([3])
  })

  test('a reader below the highest deleted number loads everything, one at it does not', async () => {
    const id = await add('lifted')
    const { source, fullLoads } = counted(serviceRevocationSource(db))
    const [behind, current] = [follow(source), follow(source)]
    await behind.refresh()
    await liftRevocationRule(db, id, longAgo)
    await current.refresh()
    expect(fullLoads()).toBe(2)
    expect(await pruneRevocations(db, clock.now())).toBe(1)
    await current.refresh()
    expect(fullLoads()).toBe(2)
    await behind.refresh()
    expect(fullLoads()).toBe(3)
    expect(await verdict(behind, token('lifted'))).toBe(false)
  })

  test('a database that was never started takes no rules', async () => {
    await db.delete(revocationState)
    await expect(add('a')).rejects.toMatchObject({ cause: { message: expect.stringContaining('mintage bootstrap') } })
  })

  test('rules are not written at an isolation level that sees old numbers', async () => {
    const written = db.transaction(async (tx) => {
      await tx.execute(sql`set transaction isolation level repeatable read`)
      await addRule(tx, clock.now(), { kind: 'token', value: 'a' })
    })
    expect(await written.catch(sqlState)).toBe('0A000')
    expect(await numbers()).toEqual([])
  })

  test('more rules than one transaction may change are extended once, also if it was interrupted', async () => {
    await db.execute(sql`
      insert into revocations (id, kind, value, effective_at, expires_at, reason, actor, created_at)
      select 'rev_' || n, 'token', n::text, now(), ${clock.now().toISOString()}::timestamptz, 'test', 'system', now()
      from generate_series(1, 2500) n`)
    const expiries = async () =>
      (await db.selectDistinct({ at: revocations.expiresAt }).from(revocations)).map(({ at }) => at?.getTime())
    const crash = raiseLargestTokenTtl(db, largestTtl + 100, async () => {
      throw new Error('the process ended')
    })
    await expect(crash).rejects.toThrow('the process ended')
    expect(await state()).toMatchObject({ largestTokenTtlSeconds: largestTtl })
    const raise = () => raiseLargestTokenTtl(db, largestTtl + 100, async () => {})
    await Promise.all([raise(), raise(), raiseLargestTokenTtl(db, largestTtl + 50, async () => {})])
    expect(await state()).toMatchObject({ largestTokenTtlSeconds: largestTtl + 100 })
    expect(await expiries()).toEqual([clock.now().getTime() + 100_000])
  })

  test('a reader of changes always has what a full load has', async () => {
    const step = fc.oneof(
      fc.record({ do: fc.constant('add' as const), name: fc.nat(5), open: fc.boolean() }),
      fc.record({ do: fc.constantFrom('lift', 'lift long ago', 'close', 'prolong' as const), name: fc.nat(5) }),
      fc.record({ do: fc.constantFrom('prune', 'restore', 'undo', 'raise', 'delete', 'poll' as const) }),
    )
    let ttl = largestTtl
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 25 }), async (steps) => {
        const source = serviceRevocationSource(db)
        const list = createSyncedList(source, listOptions)
        await list.refresh()
        for (const each of steps) {
          const value = 'name' in each ? `key_${each.name}` : ''
          const rows = await db.select({ id: revocations.id }).from(revocations).where(eq(revocations.value, value))
          switch (each.do) {
            case 'add':
              await addRule(db, clock.now(), { kind: 'api_key', value, ...(each.open && { expires: 'never' }) })
              break
            case 'lift':
            case 'lift long ago':
              for (const { id } of rows) await liftRevocationRule(db, id, each.do === 'lift' ? clock.now() : longAgo)
              break
            case 'close':
              await closeOpenRules(
                db,
                rows.map(({ id }) => id),
                tolerance,
                clock.now(),
              )
              break
            case 'prolong':
              await db.execute(
                sql`update revocations set expires_at = expires_at + interval '1 second' where value = ${value}`,
              )
              break
            case 'prune':
              await pruneRevocations(db, clock.now())
              break
            case 'restore':
              await db.transaction((tx) => startNewGeneration(tx, clock.now()))
              break
            case 'undo':
              await db.transaction(undo).catch(() => {})
              break
            case 'raise':
              ttl += 1
              await raiseLargestTokenTtl(db, ttl, async () => {})
              break
            case 'delete':
              // A rule that is deleted without being lifted stays at its readers: so only lifted ones.
              await db.execute(sql`delete from revocations where lifted_at is not null`)
              break
            case 'poll':
              await list.refresh()
              break
            default:
              throw each satisfies never
          }
        }
        await list.refresh()
        expect(contentOf(list)).toEqual(await contentOfTable(db))
        await list.close()
      }),
      { numRuns: kind === 'embedded' ? 60 : 30 },
    )
  })
})

const listOptions = {
  now: clock.now,
  monotonic: () => 0,
  pollMilliseconds: 50,
  maximumStalenessMilliseconds: 10_000,
  deadlineMilliseconds: 60_000,
  inRequest: false,
}

async function undo(tx: Db): Promise<void> {
  await addRule(tx, clock.now(), { kind: 'all', value: '*' })
  await tx.execute(sql`update revocations set reason = 'undone'`)
  throw new Error('undo')
}

/** What the table means, without the reader: its rules that are not lifted, in the same shape. */
async function contentOfTable(db: Db) {
  const rows = await db.select().from(revocations).where(sql`lifted_at is null`)
  return rows
    .map(({ id, kind, value, expiresAt, issuedBefore }) =>
      [id, `${kind}:${value}`, expiresAt?.getTime() ?? null, issuedBefore?.getTime() ?? null].join(' '),
    )
    .sort()
}

function contentOf({ rules: { index } }: ReturnType<typeof createSyncedList>) {
  const milliseconds = (seconds: number | null) => (seconds === null ? null : Math.round(seconds * 1000))
  return [...index.names()]
    .flatMap((name) =>
      index
        .find(name)
        .map((rule) => [rule.id, name, milliseconds(rule.expiresAt), milliseconds(rule.issuedBefore)].join(' ')),
    )
    .sort()
}
