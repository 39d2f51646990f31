import { eq } from 'drizzle-orm'
import { describe, expect, test } from 'vitest'
import type { Database } from '../../src/db/database.ts'
import { openPostgres } from '../../src/db/postgres.ts'
import { organizations } from '../../src/db/schema.ts'
import { releaseAfterFile } from '../support/cleanup.ts'
import { createPostgresDatabase, databaseKinds } from '../support/databases.ts'
import { startTcpProxy } from '../support/tcp-proxy.ts'

describe.runIf(databaseKinds.includes('postgres'))('on a database far away', () => {
  test.each(['none', 'transaction'] as const)(
    'a statement with parameters costs one round trip, and a transaction two more (pooler: %s)',
    async (pooler) => {
      const url = new URL(await createPostgresDatabase())
      const proxy = await startTcpProxy(Number(url.port))
      url.port = String(proxy.port)
      const database = openPostgres({ url: url.href, pooler, deadlineMilliseconds: 60_000 })
      releaseAfterFile(async () => {
        await database.close()
        proxy.close()
      })
      const find = (tx: Pick<Database['db'], 'select'>) =>
        tx.select().from(organizations).where(eq(organizations.id, 'org_x'))
      await find(database.db)
      proxy.delayAnswers(300) // so that what is sent without waiting counts as one
      const before = proxy.roundTrips()
      await find(database.db)
      expect(proxy.roundTrips() - before).toBe(1)
      await database.db.transaction(find)
      expect(proxy.roundTrips() - before).toBe(4)
    },
  )
})
