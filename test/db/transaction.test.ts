import { sql } from 'drizzle-orm'
import { describe, expect, test } from 'vitest'
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
