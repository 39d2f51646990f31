import { eq, sql } from 'drizzle-orm'
import { describe, expect, test } from 'vitest'
import type { Db } from '../../src/db/database.ts'
import { organizations } from '../../src/db/schema.ts'
import { tidyEmbedded } from '../../src/db/tidy.ts'
import { databaseKinds, openTestDatabase } from '../support/databases.ts'

const now = new Date('2030-01-01T00:00:00Z')

async function fill(db: Db, count: number): Promise<void> {
  const rows = Array.from({ length: count }, (_, index) => ({
    id: `org_${index}`,
    name: 'worn',
    plan: 'free' as const,
    createdAt: now,
  }))
  await db.insert(organizations).values(rows)
}

/** Changes every row, which leaves a dead row for each. */
async function wear(db: Db, name: string): Promise<void> {
  await db.update(organizations).set({ name })
}

async function ask(db: Db, what: string, from = 'pg_class'): Promise<unknown> {
  const [row] = await db
    .select({ answer: sql<unknown>`${sql.raw(what)}` })
    .from(sql.raw(from))
    .where(eq(sql`relname`, 'organizations'))
  return row?.answer
}

describe('tables of the embedded database that are rewritten repeatedly', () => {
  test('stop growing, because dead rows make room', async () => {
    const database = await openTestDatabase('embedded', { isNew: true })
    await fill(database.db, 1000)
    const pages: number[] = []
    for (let change = 1; change <= 8; change += 1) {
      await wear(database.db, `change ${change}`)
      await tidyEmbedded(database)
      pages.push(Number(await ask(database.db, 'pg_relation_size(oid)')) / 8192)
    }
    expect(new Set(pages).size).toBe(1)
    expect(await database.db.$count(organizations)).toBe(1000)
  })

  test('have their size in the planner statistics', async () => {
    const database = await openTestDatabase('embedded', { isNew: true })
    await fill(database.db, 500)
    await tidyEmbedded(database)
    expect(Number(await ask(database.db, 'reltuples'))).toBe(500)
  })

  test('are not vacuumed while little has changed', async () => {
    const database = await openTestDatabase('embedded', { isNew: true })
    await fill(database.db, 10)
    await tidyEmbedded(database)
    expect(await ask(database.db, 'last_vacuum', 'pg_stat_user_tables')).toBeNull()
  })
})

test.runIf(databaseKinds.includes('postgres'))('a PostgreSQL server is left to autovacuum', async () => {
  const database = await openTestDatabase('postgres', { isNew: true })
  await fill(database.db, 500)
  await tidyEmbedded(database)
  expect(await ask(database.db, 'last_vacuum', 'pg_stat_user_tables')).toBeNull()
})
