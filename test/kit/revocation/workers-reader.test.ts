import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { postgresRevocationList } from '../../../src/kit/revocation/postgres.ts'
import { RevocationListUnavailable } from '../../../src/kit/revocation/revocation-list.ts'
import { movableClock } from '../../support/clock.ts'
import { databaseKinds, openTestDatabase, type TestDatabase } from '../../support/databases.ts'
import { addRule, openRevocationDatabase, someToken, verdict } from '../../support/revocation-rules.ts'

const clock = movableClock()
const token = (jti: string) => someToken(clock, { jti })
const options = { now: clock.now, deadlineMilliseconds: 10_000 }

describe.skipIf(!databaseKinds.includes('postgres'))(
  'the reader on a platform where requests may not share a connection',
  () => {
    let database: TestDatabase
    let url = ''
    beforeAll(async () => {
      database = await openRevocationDatabase('postgres', clock.now())
      url = database.url ?? ''
    })
    beforeEach(() => void vi.stubGlobal('navigator', { userAgent: 'Cloudflare-Workers' }))
    afterEach(() => void vi.unstubAllGlobals())

    test('queries for each check, and is never stale', async () => {
      const list = postgresRevocationList({ url, now: clock.now })
      expect(await verdict(list, token('strict'))).toBe(false)
      await addRule(database.db, clock.now(), { kind: 'token', value: 'strict' })
      expect(await verdict(list, token('strict'))).toBe(true)
      await list.close()
    })

    test('reads the whole list within a request if asked to, past the pooler or through it', async () => {
      const list = postgresRevocationList({
        ...options,
        url,
        directUrl: url,
        mode: 'synced',
        maximumStalenessMilliseconds: 10_000,
      })
      await addRule(database.db, clock.now(), { kind: 'token', value: 'synced' })
      expect(await verdict(list, token('synced'))).toBe(true)
      await list.close()
    })

    test.each(['synced', 'strict'] as const)('no longer answers once it is closed, %s', async (mode) => {
      const list = postgresRevocationList({ ...options, url, mode })
      expect(await verdict(list, token('x'))).toBe(false)
      await list.close()
      await expect(verdict(list, token('x'))).rejects.toThrow(RevocationListUnavailable)
      await expect(list.ready(50)).rejects.toThrow(RevocationListUnavailable)
    })
  },
)

describe.skipIf(!databaseKinds.includes('postgres'))('a database that was migrated and never started', () => {
  test.each(['synced', 'strict'] as const)('gives an error and not an empty list, %s', async (mode) => {
    const { url = '' } = await openTestDatabase('postgres')
    const list = postgresRevocationList({ ...options, url, mode })
    await expect(verdict(list, token('x'))).rejects.toThrow(RevocationListUnavailable)
    expect(list.state()).toMatchObject({ usable: false })
    await list.close()
  })
})

test('an invalid URL past the pooler is refused at construction, and the error does not quote it', () => {
  const attempt = () =>
    postgresRevocationList({ url: 'postgres://reader@db/mintage', directUrl: 'http://reader:hunter2@db' })
  expect(attempt).toThrow('directUrl must be a postgres:// URL')
  expect(attempt).not.toThrow(/hunter2/)
})
