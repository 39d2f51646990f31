import fc from 'fast-check'
import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { openPostgres } from '../../src/db/postgres.ts'
import { apiKeyUsage, signingKeyUsage } from '../../src/db/schema.ts'
import { createLog } from '../../src/observability/log.ts'
import { createPendingUsage, type Exchange } from '../../src/usage/pending.ts'
import { findApiKeyUsage, findSigningKeyUsage } from '../../src/usage/queries.ts'
import { createUsageRecorder, type UsageRecorderOptions } from '../../src/usage/recorder.ts'
import { databaseKinds, openTestDatabase, type TestDatabase } from '../support/databases.ts'

const start = Date.parse('2026-11-02T10:00:00.000Z')
const seconds = (count: number) => new Date(start + count * 1000)

function exchange(change: Partial<Exchange> = {}): Exchange {
  const at = change.at ?? seconds(0)
  return {
    apiKeyId: 'key_1',
    version: 1,
    kid: 'kid_1',
    expiresAt: at.getTime() / 1000 + 900,
    address: null,
    agent: null,
    at,
    ...change,
  }
}

/** A recorder is like a process to the database. */
function recorderOf(options: Omit<UsageRecorderOptions, 'log'>) {
  const logged: Record<string, unknown>[] = []
  const log = createLog({ threshold: 'debug', now: () => seconds(0), write: (line) => logged.push(JSON.parse(line)) })
  return { recorder: createUsageRecorder({ ...options, log }), logged }
}

describe.each(databaseKinds)('the usage recorder on %s', (kind) => {
  let database: TestDatabase
  beforeAll(async () => {
    database = await openTestDatabase(kind)
  })
  beforeEach(async () => {
    await database.db.delete(apiKeyUsage)
    await database.db.delete(signingKeyUsage)
  })

  test('counts each version of a key and each signing key, with the last use and the latest expiry of a token', async () => {
    const { recorder } = recorderOf(database)
    recorder.recordExchange(exchange({ at: seconds(5), expiresAt: start / 1000 + 60 }))
    recorder.recordExchange(exchange({ at: seconds(9), expiresAt: start / 1000 + 30 }))
    recorder.recordExchange(exchange({ version: 2, kid: 'kid_2', at: seconds(7), expiresAt: start / 1000 + 40 }))
    await recorder.flush()
    expect(await findApiKeyUsage(database.db, 'key_1')).toEqual([
      expect.objectContaining({ version: 2, exchanges: 1, lastUsedAt: seconds(7), lastExpiresAt: seconds(40) }),
      expect.objectContaining({ version: 1, exchanges: 2, lastUsedAt: seconds(9), lastExpiresAt: seconds(60) }),
    ])
    const kids = await findSigningKeyUsage(database.db, ['kid_1', 'kid_2', 'kid_3'])
    expect(kids.sort((a, b) => (a.kid < b.kid ? -1 : 1))).toEqual([
      { kid: 'kid_1', tokens: 2, lastSignedAt: seconds(9), lastExpiresAt: seconds(60) },
      { kid: 'kid_2', tokens: 1, lastSignedAt: seconds(7), lastExpiresAt: seconds(40) },
    ])
    expect(await findSigningKeyUsage(database.db, [])).toEqual([])
  })

  test('keeps the last five addresses and agents, newest first, across flushes and processes', async () => {
    const [one, two] = [recorderOf(database).recorder, recorderOf(database).recorder]
    for (const at of [1, 2, 3, 4])
      one.recordExchange(exchange({ at: seconds(at), address: `192.0.2.${at}`, agent: `agent/${at}` }))
    await one.flush()
    two.recordExchange(exchange({ at: seconds(10), address: '192.0.2.10', agent: 'agent/2' }))
    two.recordExchange(exchange({ at: seconds(11), address: '192.0.2.3', agent: null }))
    await two.flush()
    one.recordExchange(exchange({ at: seconds(8), address: '192.0.2.8', agent: '' }))
    await one.flush()
    expect(await findApiKeyUsage(database.db, 'key_1')).toMatchObject([
      {
        exchanges: 7,
        lastUsedAt: seconds(11),
        addresses: ['192.0.2.3', '192.0.2.10', '192.0.2.4', '192.0.2.2', '192.0.2.1'],
        agents: ['agent/2', 'agent/4', 'agent/3', 'agent/1'],
      },
    ])
  })

  test('counts add up, whatever several processes record and in whatever order they flush', async () => {
    const use = fc.record({
      process: fc.nat({ max: 3 }),
      key: fc.nat({ max: 6 }),
      version: fc.integer({ min: 1, max: 2 }),
      kid: fc.nat({ max: 2 }),
      at: fc.nat({ max: 1000 }),
      flushes: fc.boolean(),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(use, { maxLength: 60 }), async (uses) => {
        await database.db.delete(apiKeyUsage)
        await database.db.delete(signingKeyUsage)
        const processes = [0, 1, 2, 3].map(() => recorderOf(database))
        const underWay: (Promise<void> | undefined)[] = []
        for (const { process, key, version, kid, at, flushes } of uses) {
          const recorder = processes[process]?.recorder
          recorder?.recordExchange(exchange({ apiKeyId: `key_${key}`, version, kid: `kid_${kid}`, at: seconds(at) }))
          if (flushes) underWay.push(recorder?.flush())
        }
        await Promise.all([...underWay, ...processes.map(({ recorder }) => recorder.close())])
        expect(processes.flatMap(({ logged }) => logged)).toEqual([])
        const expected = [...Map.groupBy(uses, ({ key, version }) => `key_${key} ${version}`)].map(([name, group]) => ({
          name,
          exchanges: group.length,
          lastUsedAt: Math.max(...group.map(({ at }) => at)),
        }))
        const stored = (await database.db.select().from(apiKeyUsage)).map(
          ({ apiKeyId, version, exchanges, lastUsedAt }) => ({
            name: `${apiKeyId} ${version}`,
            exchanges,
            lastUsedAt: (lastUsedAt.getTime() - start) / 1000,
          }),
        )
        const byName = (a: { name: string }, b: { name: string }) => (a.name < b.name ? -1 : 1)
        expect(stored.sort(byName)).toEqual(expected.sort(byName))
        const tokens = (await database.db.select().from(signingKeyUsage)).reduce((sum, row) => sum + row.tokens, 0)
        expect(tokens).toBe(uses.length)
      }),
      { numRuns: 25 },
    )
  })

  test('two processes that write the same thousands of keys in opposite orders neither fail nor lose a count', async () => {
    const ids = Array.from({ length: 1200 }, (_, index) => `key_${index}`)
    const processes = [ids, ids.toReversed()].map((order) => ({ order, ...recorderOf(database) }))
    for (let round = 0; round < 3; round += 1) {
      for (const { order, recorder } of processes)
        for (const apiKeyId of order) recorder.recordExchange(exchange({ apiKeyId }))
      await Promise.all(processes.map(({ recorder }) => recorder.flush()))
    }
    expect(processes.flatMap(({ logged }) => logged)).toEqual([])
    const rows = await database.db.select().from(apiKeyUsage)
    expect(rows).toHaveLength(1200)
    expect(new Set(rows.map(({ exchanges }) => exchanges))).toEqual(new Set([6]))
    expect(await findSigningKeyUsage(database.db, ['kid_1'])).toMatchObject([{ tokens: 7200 }])
  })

  test('agents of any length and content are cut to one short line, and do not affect others', async () => {
    const { recorder, logged } = recorderOf(database)
    const agents = [
      "'; drop table api_key_usage; --",
      'a\nb\r\n\u0000c\u001b[31m',
      'x'.repeat(1_000_000),
      '\ud800\u202e{"a",b}\\',
    ]
    for (const [index, agent] of agents.entries())
      recorder.recordExchange(exchange({ at: seconds(index), agent, address: agent }))
    await recorder.flush()
    expect(logged).toEqual([])
    const [row] = await findApiKeyUsage(database.db, 'key_1')
    expect(row?.agents).toEqual(['��{"a",b}\\', 'x'.repeat(256), 'a�b���c�[31m', "'; drop table api_key_usage; --"])
  })

  test('a killed process loses only what it had not flushed', async () => {
    const killed = recorderOf(database).recorder
    for (let count = 0; count < 10; count += 1) killed.recordExchange(exchange())
    await killed.flush()
    killed.recordExchange(exchange())
    const next = recorderOf(database).recorder
    next.recordExchange(exchange())
    await next.close()
    expect(await findApiKeyUsage(database.db, 'key_1')).toMatchObject([{ exchanges: 11 }])
  })
})

describe('while the database is away', () => {
  const nowhere = () =>
    openPostgres({ url: 'postgres://nobody@127.0.0.1:1/nothing', pooler: 'none', deadlineMilliseconds: 1000 })

  test('nothing is lost: the failed flush is logged, and the next one writes everything', async () => {
    const away = nowhere()
    const database = await openTestDatabase('embedded')
    const pending = createPendingUsage()
    const { recorder, logged } = recorderOf({ db: away.db, pending })
    for (const at of [1, 2]) recorder.recordExchange(exchange({ at: seconds(at), address: `192.0.2.${at}` }))
    await recorder.flush()
    expect(logged).toMatchObject([{ level: 'warn', event: 'usage_flush_failed', waiting: 1 }])
    recorder.recordExchange(exchange({ at: seconds(3), address: '192.0.2.3' }))
    await recorder.close()
    await away.close()
    const back = recorderOf({ ...database, pending })
    await back.recorder.flush()
    expect(back.logged).toEqual([])
    expect(await findApiKeyUsage(database.db, 'key_1')).toMatchObject([
      { exchanges: 3, lastUsedAt: seconds(3), addresses: ['192.0.2.3', '192.0.2.2', '192.0.2.1'] },
    ])
    expect(await findSigningKeyUsage(database.db, ['kid_1'])).toMatchObject([{ tokens: 3 }])
  })

  test('memory stays bounded, known keys still count, and the log says how many uses were not counted', async () => {
    const away = nowhere()
    const { recorder, logged } = recorderOf({ db: away.db, pending: createPendingUsage({ mostVersions: 100 }) })
    for (let key = 0; key < 150; key += 1) recorder.recordExchange(exchange({ apiKeyId: `key_${key}` }))
    recorder.recordExchange(exchange({ apiKeyId: 'key_7' }))
    await recorder.flush()
    await recorder.flush()
    await away.close()
    expect(logged.filter(({ event }) => event === 'usage_dropped')).toMatchObject([{ level: 'error', uses: 50 }])
    expect(logged.filter(({ event }) => event === 'usage_flush_failed')).toMatchObject([
      { waiting: 100 },
      { waiting: 100 },
    ])
  })
})
