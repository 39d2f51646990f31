import { eq, sql } from 'drizzle-orm'
import { afterEach, describe, expect, test } from 'vitest'
import { revocations, serviceState } from '../../src/db/schema.ts'
import { addRevocationRule, liftRevocationRule, serviceRevocationSource, startNewGeneration } from '../../src/revocation/queries.ts'
import { RevocationListUnavailable } from '../../src/revocation/revocation-list.ts'
import { createSyncedList, type RevocationSource, type SyncedList, type SyncedListOptions } from '../../src/revocation/synced.ts'
import type { RevocationRow } from '../../src/revocation/synced-rules.ts'
import { movableClock } from '../support/clock.ts'
import { databaseKinds } from '../support/databases.ts'
import {
  addRule,
  movableMilliseconds,
  openRevocationDatabase,
  seconds,
  someToken,
  tolerance,
  untilVerdict,
  verdict,
} from '../support/revocations.ts'

const clock = movableClock()
const token = (jti: string) => someToken(clock, { jti })

const lists: SyncedList[] = []
afterEach(async () => {
  for (const list of lists.splice(0)) await list.close()
})

function follow(source: RevocationSource, options: Partial<SyncedListOptions> = {}): SyncedList {
  const list = createSyncedList(source, {
    now: clock.now,
    monotonic: () => performance.now(),
    pollMilliseconds: 50,
    maximumStalenessMilliseconds: 10_000,
    deadlineMilliseconds: 5000,
    inRequest: false,
    ...options,
  })
  lists.push(list)
  return list
}

/** Counts full loads (from 0) and polls. */
function counted(source: RevocationSource) {
  const from: bigint[] = []
  const read = (cursor: bigint) => {
    from.push(cursor)
    return source.read(cursor)
  }
  return { from, source: { ...source, read }, fullLoads: () => from.filter((cursor) => cursor === 0n).length }
}

describe.each(databaseKinds)('a synced list on %s', (kind) => {
  const open = async () => (await openRevocationDatabase(kind, clock.now())).db

  test('knows what was committed before it was refreshed', async () => {
    const db = await open()
    const list = follow(serviceRevocationSource(db))
    await list.refresh()
    for (let number = 0; number < 20; number += 1) {
      const slow = list.refresh().catch(() => {}) // under way while the rule is committed
      await addRule(db, clock.now(), { kind: 'token', value: `j${number}` })
      await list.refresh()
      expect(await verdict(list, token(`j${number}`))).toBe(true)
      await slow
    }
  })

  test('loads in full once, and then only what changed', async () => {
    const db = await open()
    const { from, source, fullLoads } = counted(serviceRevocationSource(db))
    const list = follow(source)
    await addRule(db, clock.now(), { kind: 'token', value: 'old' })
    await list.refresh()
    const id = await addRule(db, clock.now(), { kind: 'token', value: 'new' })
    await list.refresh()
    expect(list.state().rules).toBe(2)
    await liftRevocationRule(db, id, clock.now())
    await list.refresh()
    expect(list.state().rules).toBe(1)
    expect([fullLoads(), from.length]).toEqual([1, 3])
  })

  test('loads in full when the generation changed, and drops what is there no more', async () => {
    const db = await open()
    const { source, fullLoads } = counted(serviceRevocationSource(db))
    const list = follow(source)
    await addRule(db, clock.now(), { kind: 'token', value: 'lost in the restore' })
    await list.refresh()
    await db.delete(revocations)
    await db.transaction((tx) => startNewGeneration(tx, clock.now()))
    await list.refresh()
    expect(fullLoads()).toBe(2)
    expect(list.state().rules).toBe(1)
    expect(list.rules.index.find('token:lost in the restore')).toEqual([])
    expect(await verdict(list, token('whatever was issued before'))).toBe(true)
  })

  test('reads a database that was never started as no answer', async () => {
    const db = await open()
    await db.delete(serviceState)
    const list = follow(serviceRevocationSource(db))
    await expect(list.refresh()).rejects.toThrow('never started')
    expect(() => list.isRevoked(token('j'), [])).toThrow(RevocationListUnavailable)
  })
})

describe.skipIf(!databaseKinds.includes('postgres'))('a synced list on postgres, beside other transactions', () => {
  test('sees a rule whose transaction began early and committed late, after the list had moved on', async () => {
    const { db } = await openRevocationDatabase('postgres', clock.now())
    const list = follow(serviceRevocationSource(db))
    await list.refresh()
    const written = Promise.withResolvers<void>()
    const mayCommit = Promise.withResolvers<void>()
    const rule = {
      kind: 'token',
      value: 'late',
      effectiveAt: clock.now(),
      expires: 'when_dead',
      organizationId: null,
      reason: '',
      actor: 'x',
    } as const
    const late = db.transaction(async (tx) => {
      await addRevocationRule(tx, rule, tolerance, clock.now())
      written.resolve()
      await mayCommit.promise
    })
    await written.promise
    for (const value of ['a', 'b', 'c']) {
      await addRule(db, clock.now(), { kind: 'token', value })
      await list.refresh()
      expect(await verdict(list, token(value))).toBe(true)
    }
    expect(await verdict(list, token('late'))).toBe(false)
    mayCommit.resolve()
    await late
    await list.refresh()
    expect(await verdict(list, token('late'))).toBe(true)
  })

  test('sees a rule that was lifted and laid again while an older transaction was open', async () => {
    const { db } = await openRevocationDatabase('postgres', clock.now())
    const list = follow(serviceRevocationSource(db))
    const id = await addRule(db, clock.now(), { kind: 'token', value: 'j' })
    await list.refresh()
    const begun = Promise.withResolvers<void>()
    const mayEnd = Promise.withResolvers<void>()
    const old = db.transaction(async (tx) => {
      await tx.execute(sql`select pg_current_xact_id()`)
      begun.resolve()
      await mayEnd.promise
    })
    await begun.promise
    await liftRevocationRule(db, id, clock.now())
    await list.refresh()
    expect(await verdict(list, token('j'))).toBe(false)
    await addRule(db, clock.now(), { kind: 'token', value: 'j' })
    await list.refresh()
    expect(await verdict(list, token('j'))).toBe(true)
    mayEnd.resolve()
    await old
    await list.refresh()
    expect(await verdict(list, token('j'))).toBe(true)
  })

  test('hears of a rule by the notification of its commit, without waiting for the poll', async () => {
    const { db, listen } = await openRevocationDatabase('postgres', clock.now())
    if (!listen) throw new Error('this database cannot listen')
    const list = follow(serviceRevocationSource(db, { listen }), { pollMilliseconds: 1_000_000, maximumStalenessMilliseconds: 1_000_000 })
    list.start()
    await list.ready()
    const heard = Promise.withResolvers<void>()
    const unlisten = await listen('mintage_revocations', heard.resolve)
    await addRule(db, clock.now(), { kind: 'token', value: 'j' })
    await untilVerdict(list, token('j'), true)
    await heard.promise
    await unlisten()
  })
})

/** A database in miniature, to lose, repeat and reorder what a real one hardly ever does. */
function scriptedSource() {
  let xid = 100n
  const generation = 1
  let shift = 0n
  const rows = new Map<string, RevocationRow>()
  const listeners = new Set<() => void>()
  let hung: Promise<void> | undefined
  let failure: Error | undefined
  const source: RevocationSource = {
    async read(from) {
      const seen = {
        rows: [...rows.values()].filter(({ xactId }) => xactId >= from),
        generation,
        snapshot: `${xid - shift}:${xid - shift}:`,
      }
      if (failure) throw failure
      await hung
      return seen
    },
    async listen(onChange) {
      listeners.add(onChange)
      return async () => void listeners.delete(onChange)
    },
  }
  return {
    source,
    notify() {
      for (const onChange of listeners) onChange()
    },
    listeners,
    revoke(jti: string, changes: Partial<RevocationRow> = {}) {
      const rule = { kind: 'token', value: jti, maxVersion: null, issuedBefore: null, effectiveAt: 0, expiresAt: null } as const
      rows.set(jti, { id: jti, lifted: false, ...rule, ...changes, xactId: xid })
      xid += 1n
    },
    forget: (jti: string) => rows.delete(jti),
    restoreOlder(transactions: bigint) {
      shift = transactions
    },
    hangUntil(until: Promise<void> | undefined) {
      hung = until
    },
    fail(error: Error | undefined) {
      failure = error
    },
  }
}

describe('freshness', () => {
  test('before the first full load nobody is let through', async () => {
    const database = scriptedSource()
    database.fail(new Error('connection refused'))
    const list = follow(database.source)
    expect(() => list.isRevoked(token('j'), [])).toThrow(RevocationListUnavailable)
    await expect(list.refresh()).rejects.toThrow('connection refused')
    expect(() => list.isRevoked(token('j'), [])).toThrow(/not loaded yet: connection refused/)
    await expect(list.ready(20)).rejects.toThrow(RevocationListUnavailable)
    expect(list.state()).toMatchObject({ usable: false, ageMilliseconds: null, rules: 0 })
  })

  test('the first calls wait for the first load instead of being turned away', async () => {
    const database = scriptedSource()
    database.revoke('j')
    const arrival = Promise.withResolvers<void>()
    database.hangUntil(arrival.promise)
    const list = follow(database.source, { startsWhenAsked: true })
    const calls = Promise.all([verdict(list, token('j')), verdict(list, token('k'))])
    arrival.resolve()
    expect(await calls).toEqual([true, false])
  })

  test('past the maximum staleness nobody is let through, until there is news again', async () => {
    const database = scriptedSource()
    const time = movableMilliseconds()
    const list = follow(database.source, { monotonic: time.monotonic })
    await list.refresh()
    database.fail(new Error('gone'))
    time.advance(10_000)
    await expect(list.refresh()).rejects.toThrow('gone')
    expect(await verdict(list, token('j'))).toBe(false)
    time.advance(1)
    const refusal = await verdict(list, token('j')).catch((error: unknown) => error)
    expect(refusal).toBeInstanceOf(RevocationListUnavailable)
    expect(refusal).toMatchObject({ retryAfterSeconds: 1, message: 'the revocation list is older than its maximum staleness: gone' })
    expect(list.state()).toMatchObject({ usable: false, ageMilliseconds: 10_001 })
    database.fail(undefined)
    await list.refresh()
    expect(await verdict(list, token('j'))).toBe(false)
  })

  test('news is as old as the question, not as the answer', async () => {
    const database = scriptedSource()
    const time = movableMilliseconds()
    const list = follow(database.source, { monotonic: time.monotonic })
    const arrival = Promise.withResolvers<void>()
    database.hangUntil(arrival.promise)
    const slow = list.refresh()
    time.advance(4000)
    arrival.resolve()
    await slow
    expect(list.state().ageMilliseconds).toBe(4000)
  })

  test('the wall clock may jump either way without making the list older or younger', async () => {
    const database = scriptedSource()
    const time = movableMilliseconds()
    const wall = movableClock()
    const list = follow(database.source, { monotonic: time.monotonic, now: wall.now })
    await list.refresh()
    wall.advance(86_400)
    expect(await verdict(list, token('j'))).toBe(false)
    wall.advance(-2 * 86_400)
    time.advance(10_001)
    expect(() => list.isRevoked(token('j'), [])).toThrow(RevocationListUnavailable)
  })

  test('a wall clock that dropped rules as expired and went back answers nobody until everything is loaded again', async () => {
    const database = scriptedSource()
    const time = movableMilliseconds()
    const wall = movableClock()
    database.revoke('j', { expiresAt: seconds(wall.now()) + 3600 })
    const list = follow(database.source, { monotonic: time.monotonic, now: wall.now })
    await list.refresh()
    wall.advance(86_400)
    time.advance(60_000)
    await list.refresh()
    expect(list.state().rules).toBe(0)
    wall.advance(-86_400)
    expect(() => list.isRevoked(token('j'), list.namesOf(token('j')) as string[])).toThrow(RevocationListUnavailable)
    await list.refresh()
    expect(await verdict(list, token('j'))).toBe(true)
  })

  test('a read that never ends does not keep the next one waiting for ever, and its late answer undoes nothing', async () => {
    const database = scriptedSource()
    const list = follow(database.source, { deadlineMilliseconds: 30 })
    await list.refresh()
    const arrival = Promise.withResolvers<void>()
    database.hangUntil(arrival.promise)
    await expect(list.refresh()).rejects.toThrow('no answer within 30 ms')
    database.hangUntil(undefined)
    database.revoke('j')
    await list.refresh()
    arrival.resolve()
    await list.refresh()
    expect(await verdict(list, token('j'))).toBe(true)
  })

  test('transaction ids that went back force a full load', async () => {
    const database = scriptedSource()
    database.revoke('a')
    database.revoke('lost')
    const list = follow(database.source)
    await list.refresh()
    database.forget('lost')
    database.restoreOlder(50n)
    await list.refresh()
    expect(list.state().rules).toBe(1)
    expect(await verdict(list, token('lost'))).toBe(false)
    expect(await verdict(list, token('a'))).toBe(true)
  })

  test('who was away longer than rules are kept for loads in full', async () => {
    const database = scriptedSource()
    const time = movableMilliseconds()
    const { source, fullLoads } = counted(database.source)
    database.revoke('lifted and pruned meanwhile')
    const list = follow(source, { monotonic: time.monotonic })
    await list.refresh()
    database.forget('lifted and pruned meanwhile')
    time.advance(10_001)
    await list.refresh()
    expect(fullLoads()).toBe(2)
    expect(list.state().rules).toBe(0)
  })

  test('without timers a check reads again when the list is older than the interval, and may use it while reads fail', async () => {
    const database = scriptedSource()
    const time = movableMilliseconds()
    const { source, from } = counted(database.source)
    const list = follow(source, { monotonic: time.monotonic, inRequest: true, pollMilliseconds: 1000 })
    list.start()
    expect(from).toEqual([])
    expect(await verdict(list, token('j'))).toBe(false)
    time.advance(1000)
    expect(list.isRevoked(token('j'), [])).toBe(false)
    expect(from.length).toBe(1)
    time.advance(1)
    database.revoke('j')
    expect(await verdict(list, token('j'))).toBe(true)
    expect(from.length).toBe(2)
    database.fail(new Error('gone'))
    time.advance(9000)
    expect(await verdict(list, token('j'))).toBe(true)
    time.advance(1001)
    await expect(verdict(list, token('j'))).rejects.toThrow(RevocationListUnavailable)
  })

  test.each([
    ['pollMilliseconds', 0],
    ['pollMilliseconds', Number.NaN],
    ['maximumStalenessMilliseconds', -1],
    ['maximumStalenessMilliseconds', Number.POSITIVE_INFINITY],
    ['deadlineMilliseconds', 0],
  ])('%s of %d is refused at construction', (name, value) => {
    expect(() => follow(scriptedSource().source, { [name]: value })).toThrow(TypeError)
  })
})

describe('notifications are hints', () => {
  test('a thousand of them, repeated and out of order, are a handful of reads', async () => {
    const database = scriptedSource()
    const { source, from } = counted(database.source)
    const list = follow(source, { pollMilliseconds: 1_000_000, maximumStalenessMilliseconds: 2_000_000 })
    list.start()
    await list.ready()
    database.revoke('j')
    for (let number = 0; number < 1000; number += 1) database.notify()
    await untilVerdict(list, token('j'), true)
    expect(from.length).toBeLessThanOrEqual(3)
  })

  test('one that is lost, and a listener that is half open, are repaired by the poll', async () => {
    const database = scriptedSource()
    const list = follow(database.source, { pollMilliseconds: 20 })
    list.start()
    await list.ready()
    database.revoke('j') // nobody is told
    await untilVerdict(list, token('j'), true, 1000)
  })

  test('a listener that could not be opened is tried again', async () => {
    const database = scriptedSource()
    let refusals = 2
    const list = follow(
      {
        ...database.source,
        async listen(onChange) {
          if (refusals-- > 0) throw new Error('connection refused')
          return (await database.source.listen?.(onChange)) ?? (async () => {})
        },
      },
      { pollMilliseconds: 10 },
    )
    list.start()
    await expect.poll(() => database.listeners.size).toBe(1)
    await list.close()
    expect(database.listeners.size).toBe(0)
  })
})

test('a rule deleted behind the list stays on it, until a full load', async () => {
  const { db } = await openRevocationDatabase('embedded', clock.now())
  const list = follow(serviceRevocationSource(db))
  const id = await addRule(db, clock.now(), { kind: 'token', value: 'j' })
  await list.refresh()
  await db.delete(revocations).where(eq(revocations.id, id))
  await list.refresh()
  expect(await verdict(list, token('j'))).toBe(true)
})
