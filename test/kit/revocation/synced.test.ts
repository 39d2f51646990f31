import { eq, sql } from 'drizzle-orm'
import postgres from 'postgres'
import { describe, expect, test } from 'vitest'
import type { Db } from '../../../src/db/database.ts'
import { revocationState, revocations } from '../../../src/db/schema.ts'
import { RevocationListUnavailable } from '../../../src/kit/revocation/revocation-list.ts'
import { serviceRevocationSource } from '../../../src/revocation/list-queries.ts'
import { startNewGeneration } from '../../../src/revocation/maintenance-queries.ts'
import { liftRevocationRule } from '../../../src/revocation/rule-queries.ts'
import { databaseKinds } from '../../support/databases.ts'
import { addRule, openRevocationDatabase, someToken, untilVerdict, verdict } from '../../support/revocation-rules.ts'
import { clock, counted, follow } from '../../support/synced-list.ts'

const token = (jti: string) => someToken(clock, { jti })

describe.each(databaseKinds)('a synced list on %s', (kind) => {
  const open = async () => (await openRevocationDatabase(kind, clock.now())).db

  test('has everything that was committed before its refresh', async () => {
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

  test('loads in full once, and then only changes', async () => {
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

  test('loads in full if the generation changed, and drops rules that are gone', async () => {
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

  test('refuses to answer from a database that was never started', async () => {
    const db = await open()
    await db.delete(revocationState)
    const list = follow(serviceRevocationSource(db))
    await expect(list.refresh()).rejects.toThrow('never started')
    expect(() => list.isRevoked(token('j'), [])).toThrow(RevocationListUnavailable)
  })
})

describe.skipIf(!databaseKinds.includes('postgres'))('a synced list on postgres, with concurrent transactions', () => {
  /** A transaction that stays open after its work until it is told to commit. */
  async function heldOpen(db: Db, work: (tx: Db) => Promise<unknown>) {
    const worked = Promise.withResolvers<void>()
    const mayCommit = Promise.withResolvers<void>()
    const transaction = db.transaction(async (tx) => {
      await work(tx)
      worked.resolve()
      await mayCommit.promise
    })
    await Promise.race([worked.promise, transaction])
    return async () => {
      mayCommit.resolve()
      await transaction
    }
  }

  test('never misses a rule that is committed late: later ones wait for it', async () => {
    const { db, url = '' } = await openRevocationDatabase('postgres', clock.now())
    const list = follow(serviceRevocationSource(db))
    await list.refresh()
    const patient = postgres(url, { max: 1 })
    const commit = await heldOpen(db, (tx) => addRule(tx, clock.now(), { kind: 'token', value: 'late' }))
    const afterwards = patient`
      insert into revocations (id, kind, value, effective_at, reason, actor, created_at)
      values ('rev_after', 'token', 'after', now() - interval '30 days', 'test', 'psql', now())`.execute()
    const isWaiting = sql`wait_event_type = 'Lock' and query like '%rev_after%' and pid <> pg_backend_pid()`
    const waiting = () => db.select({ pid: sql`pid` }).from(sql`pg_stat_activity`).where(isWaiting)
    await expect.poll(async () => (await waiting()).length).toBe(1)
    await list.refresh()
    expect([await verdict(list, token('late')), await verdict(list, token('after'))]).toEqual([false, false])
    await commit()
    await afterwards
    await patient.end()
    await list.refresh()
    expect([await verdict(list, token('late')), await verdict(list, token('after'))]).toEqual([true, true])
    const numbers = await db.select({ value: revocations.value }).from(revocations).orderBy(revocations.sequence)
    expect(numbers.map(({ value }) => value)).toEqual(['late', 'after'])
  })

  test('reads no rule twice because of a transaction that stays open', async () => {
    const { db } = await openRevocationDatabase('postgres', clock.now())
    const { source, rows } = counted(serviceRevocationSource(db))
    const list = follow(source)
    await list.refresh()
    const commit = await heldOpen(db, (tx) => tx.execute(sql`select pg_current_xact_id()`))
    for (let number = 1; number <= 20; number += 1) {
      await addRule(db, clock.now(), { kind: 'token', value: `j${number}` })
      await list.refresh()
      expect(rows()).toBe(number)
    }
    for (let polls = 0; polls < 10; polls += 1) await list.refresh()
    expect(rows()).toBe(20)
    await commit()
  })

  test('finds a rule that was lifted and created again while an older transaction was open', async () => {
    const { db } = await openRevocationDatabase('postgres', clock.now())
    const list = follow(serviceRevocationSource(db))
    const id = await addRule(db, clock.now(), { kind: 'token', value: 'j' })
    await list.refresh()
    const commit = await heldOpen(db, (tx) => tx.execute(sql`select pg_current_xact_id()`))
    await liftRevocationRule(db, id, clock.now())
    await list.refresh()
    expect(await verdict(list, token('j'))).toBe(false)
    await addRule(db, clock.now(), { kind: 'token', value: 'j' })
    await list.refresh()
    expect(await verdict(list, token('j'))).toBe(true)
    await commit()
    await list.refresh()
    expect(await verdict(list, token('j'))).toBe(true)
  })

  test('receives a rule by the notification of its commit, without waiting for the poll', async () => {
    const { db, listen } = await openRevocationDatabase('postgres', clock.now())
    if (!listen) throw new Error('this database cannot listen')
    const list = follow(serviceRevocationSource(db, { listen }), {
      pollMilliseconds: 1_000_000,
      maximumStalenessMilliseconds: 1_000_000,
    })
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

test('keeps a rule that was deleted directly in the database until a full load', async () => {
  const { db } = await openRevocationDatabase('embedded', clock.now())
  const list = follow(serviceRevocationSource(db))
  const id = await addRule(db, clock.now(), { kind: 'token', value: 'j' })
  await list.refresh()
  await db.delete(revocations).where(eq(revocations.id, id))
  await list.refresh()
  expect(await verdict(list, token('j'))).toBe(true)
})
