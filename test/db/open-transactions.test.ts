import postgres from 'postgres'
import { describe, expect, test } from 'vitest'
import { findOpenTransactions } from '../../src/db/open-transactions.ts'
import { databaseKinds, openTestDatabase } from '../support/databases.ts'

describe.each(databaseKinds)('open transactions on %s', (kind) => {
  test('are not reported as prepared while none is', async () => {
    const { db } = await openTestDatabase(kind)
    expect((await findOpenTransactions(db, 60)).prepared).toEqual([])
  })
})

describe.runIf(databaseKinds.includes('postgres'))('open transactions on a server', () => {
  test('are named with their process and program once they are old enough', async () => {
    const { db, url = '' } = await openTestDatabase('postgres')
    const other = postgres(url, { max: 1, connection: { application_name: 'forgotten report' } })
    await other.begin(async (sql) => {
      const [session] = await sql`select pg_backend_pid() as pid`
      const { long } = await findOpenTransactions(db, 0)
      expect(long).toContainEqual({
        pid: session?.pid,
        program: expect.stringMatching(/^forgotten report as \w+$/),
        minutes: 0,
      })
      expect((await findOpenTransactions(db, 60)).long).not.toContainEqual(
        expect.objectContaining({ pid: session?.pid }),
      )
    })
    await other.end()
  })
})
