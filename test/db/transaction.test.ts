import { eq, sql } from 'drizzle-orm'
import { describe, expect, test } from 'vitest'
import type { Db } from '../../src/db/database.ts'
import { organizations } from '../../src/db/schema.ts'
import { databaseKinds, openTestDatabase } from '../support/databases.ts'

const organization = (id: string) => ({ id, name: id, plan: 'free', createdAt: new Date(0) })
const one = sql`(select 1) as one`

/** The SQLSTATE that PostgreSQL gave for a call that must fail. */
async function sqlState(call: Promise<unknown>): Promise<unknown> {
  let error: unknown = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  while (error instanceof Error && !('code' in error)) error = error.cause
  return Object(error).code
}

describe.each(databaseKinds)('a transaction on %s', async (kind) => {
  const { db } = await openTestDatabase(kind)
  const names = async () => (await db.select({ id: organizations.id }).from(organizations)).map(({ id }) => id)

  test('whose statement failed gives every later statement the same reason, and commits nothing', async () => {
    const states: unknown[] = []
    const work = db.transaction(async (tx) => {
      await tx.insert(organizations).values(organization('org_before'))
      states.push(await sqlState(tx.select({ quotient: sql`1 / 0` }).from(one).execute()))
      states.push(await sqlState(tx.insert(organizations).values(organization('org_after')).execute()))
    })
    states.push(await sqlState(work))
    expect(states).toEqual(['22012', '22012', '22012'])
    expect(await names()).toEqual([])
  })

  test('goes on after the failure of a nested one', async () => {
    await db.transaction(async (tx) => {
      const nested = tx.transaction(async (inner) => {
        await inner.insert(organizations).values(organization('org_nested'))
        await inner.select({ quotient: sql`1 / 0` }).from(one)
      })
      expect(await sqlState(nested)).toBe('22012')
      await tx.insert(organizations).values(organization('org_outer'))
    })
    expect(await names()).toEqual(['org_outer'])
  })
})

const failAs = (state: string) => sql.raw(`do $$ begin raise exception 'planted' using errcode = '${state}'; end $$`)

describe.runIf(databaseKinds.includes('postgres'))(
  'a transaction that PostgreSQL ended because of another one',
  async () => {
    const { db, stats } = await openTestDatabase('postgres')
    const rename = (tx: Db, id: string, name: string) =>
      tx.update(organizations).set({ name }).where(eq(organizations.id, id))

    test('by a deadlock is done again, and both commit', async () => {
      await db.insert(organizations).values([organization('org_a'), organization('org_b')])
      const attempts: string[] = []
      const bothHaveOne = Promise.withResolvers<void>()
      const inOrder = (name: string, [first, second]: readonly [string, string]) =>
        db.transaction(async (tx) => {
          attempts.push(name)
          await rename(tx, first, name)
          if (attempts.length === 2) bothHaveOne.resolve()
          await bothHaveOne.promise
          await rename(tx, second, name)
        })
      await Promise.all([inOrder('one', ['org_a', 'org_b']), inOrder('other', ['org_b', 'org_a'])])
      expect(attempts).toHaveLength(3)
      // The one that was done again came last.
      const rows = await db.select({ name: organizations.name }).from(organizations)
      expect(rows).toEqual([{ name: attempts[2] }, { name: attempts[2] }])
      expect(stats().refusedWrites.lock).toBe(1)
    })

    test.each(['40001', '40P01'])('is done again once, and then refused (%s)', async (state) => {
      let attempts = 0
      const work = db.transaction(async (tx) => {
        attempts += 1
        await tx.execute(failAs(state))
      })
      expect(await sqlState(work)).toBe('database_unavailable')
      expect(attempts).toBe(2)
    })

    test('is not done again if its nested part failed and the rest could go on', async () => {
      let attempts = 0
      const work = db.transaction(async (tx) => {
        attempts += 1
        expect(await sqlState(tx.transaction((inner) => inner.execute(failAs('40001'))))).toBe('database_unavailable')
        throw new Error('another reason')
      })
      await expect(work).rejects.toThrow('another reason')
      expect(attempts).toBe(1)
    })

    test.each([
      ['22012', '22012'],
      ['55P03', 'database_unavailable'],
      ['57014', 'database_unavailable'],
    ])('is not done again for another reason (%s)', async (state, told) => {
      let attempts = 0
      const work = db.transaction(async (tx) => {
        attempts += 1
        await tx.execute(failAs(state))
      })
      expect(await sqlState(work)).toBe(told)
      expect(attempts).toBe(1)
    })
  },
)
