import { describe, expect, test } from 'vitest'
import { acquireLease, holdLease, LeaseLostError, releaseLease } from '../../src/db/leases.ts'
import { openPostgres } from '../../src/db/postgres.ts'
import { leases } from '../../src/db/schema.ts'
import { databaseKinds, openTestDatabase } from '../support/databases.ts'

const at = (seconds: number) => new Date(Date.UTC(2026, 10, 2) + seconds * 1000)

describe.each(databaseKinds)('a lease on %s', async (kind) => {
  const database = await openTestDatabase(kind)
  const { db } = database
  let count = 0
  const lease = (holder: string, name: string) => ({ name, holder, seconds: 10 })
  const fresh = () => `lease-${count++}`

  test('has one holder until it expires, and then the next one with a higher fence', async () => {
    const name = fresh()
    expect(await acquireLease(db, lease('a', name), at(0))).toEqual({ name, fence: 1 })
    expect(await acquireLease(db, lease('b', name), at(9.999))).toBeUndefined()
    expect(await acquireLease(db, lease('a', name), at(9.999))).toBeUndefined()
    expect(await acquireLease(db, lease('b', name), at(10))).toEqual({ name, fence: 2 })
  })

  test('that was released is free immediately, and its fence still increases', async () => {
    const name = fresh()
    const first = await acquireLease(db, lease('a', name), at(0))
    if (first) await releaseLease(db, first, at(1))
    expect(await acquireLease(db, lease('b', name), at(1))).toEqual({ name, fence: 2 })
  })

  test('that was lost cannot be released', async () => {
    const name = fresh()
    const first = await acquireLease(db, lease('a', name), at(0))
    await acquireLease(db, lease('b', name), at(20))
    if (first) await releaseLease(db, first, at(21))
    expect(await acquireLease(db, lease('c', name), at(22))).toBeUndefined()
  })

  test('lets its holder write, and refuses a previous holder, however long it slept', async () => {
    const name = fresh()
    const first = await acquireLease(db, lease('a', name), at(0))
    if (!first) throw new Error('the lease is free')
    await db.transaction(async (tx) => await holdLease(tx, first))
    await acquireLease(db, lease('b', name), at(3600))
    await expect(db.transaction(async (tx) => await holdLease(tx, first))).rejects.toThrow(LeaseLostError)
  })

  test('written by a clock that is an hour ahead keeps no one out', async () => {
    const name = fresh()
    await acquireLease(db, lease('ahead', name), at(3600))
    expect(await acquireLease(db, lease('b', name), at(0))).toEqual({ name, fence: 2 })
  })

  test('is taken by one of many concurrent callers', async () => {
    const name = fresh()
    const { url } = database
    const others = Array.from({ length: 4 }, () =>
      url ? openPostgres({ url, pooler: 'transaction', maxConnections: 2, deadlineMilliseconds: 60_000 }) : undefined,
    )
    const dbs = others.map((other) => other?.db ?? db)
    const taken = await Promise.all(
      dbs.flatMap((each, index) =>
        [`${index}a`, `${index}b`].map((holder) => acquireLease(each, lease(holder, name), at(0))),
      ),
    )
    await Promise.all(others.map((other) => other?.close()))
    expect(taken.filter((each) => each !== undefined)).toEqual([{ name, fence: 1 }])
    expect((await db.select().from(leases)).filter((row) => row.name === name)).toHaveLength(1)
  })
})
