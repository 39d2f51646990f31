import { Socket } from 'node:net'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { sql } from 'drizzle-orm'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { openPostgres } from '../../src/db/postgres.ts'
import { postgresRevocationList } from '../../src/kit/revocation/postgres.ts'
import { createServiceRevocationList } from '../../src/revocation/service-list.ts'
import { databaseKinds, openTestDatabase } from '../support/databases.ts'
import { startFailingServer, waysToBeAway } from '../support/failing-server.ts'

afterEach(() => {
  vi.useRealTimers()
})

test.each(waysToBeAway)(
  'in an hour in which the database %s, an instance and an application try to connect once a second at most, and keep no socket',
  async (way) => {
    const server = await startFailingServer(way)
    const hour = startHour()
    const database = openPostgres({ url: server.url, pooler: 'none' })
    const list = createServiceRevocationList({
      db: database.db,
      database,
      now: () => new Date(),
      pollMilliseconds: 1000,
    })
    list.start()
    await database.listen?.('mintage_revocations', () => {})
    const applicationList = postgresRevocationList({ url: server.url })
    await applicationList.ready(0).catch(() => {})
    await hour.pass()
    expect(hour.attempts()).toBeLessThan(3600)
    expect(hour.attempts()).toBeGreaterThan(300)
    expect(hour.addedSockets()).toBeLessThanOrEqual(4)
    await hour.end(Promise.all([list.close(), applicationList.close(), database.close()]))
    await server.close()
  },
)

describe.runIf(databaseKinds.includes('postgres'))('on PostgreSQL', () => {
  test('statements that fail leave nothing in memory', async () => {
    const database = await openTestDatabase('postgres')
    const fail = async (times: number) => {
      for (let i = 0; i < times; i++) {
        const text = `select nothing /* ${String(i).padEnd(5000, '.')} */ from nowhere`
        await database.db.execute(sql.raw(text)).catch(() => {})
      }
    }
    await fail(100)
    const before = heapBytes()
    await fail(2000)
    expect(heapBytes() - before).toBeLessThan(5_000_000)
  })
})

const steps = 1800

/** An hour on the timers of this process, with real sockets in it. */
function startHour() {
  const connect = vi.spyOn(Socket.prototype, 'connect')
  const before = openSockets()
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance', 'Date'] })
  const step = async () => {
    await vi.advanceTimersByTimeAsync(3_600_000 / steps)
    for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve))
  }
  return {
    pass: async () => {
      for (let i = 0; i < steps; i++) await step()
    },
    attempts: () => connect.mock.calls.length,
    addedSockets: () => openSockets() - before,
    /** Closing needs the timers too. */
    end: async (closing: Promise<unknown>) => {
      let isClosed = false
      void closing.finally(() => {
        isClosed = true
      })
      while (!isClosed) await step()
      vi.useRealTimers()
    },
  }
}

const openSockets = () => process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length

function heapBytes(): number {
  setFlagsFromString('--expose-gc')
  const collect: unknown = runInNewContext('gc')
  setFlagsFromString('--no-expose-gc')
  if (typeof collect === 'function') for (let i = 0; i < 3; i++) collect()
  return process.memoryUsage().heapUsed
}
