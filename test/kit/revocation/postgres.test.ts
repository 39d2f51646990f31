import { createServer, type Server, type Socket } from 'node:net'
import { sql } from 'drizzle-orm'
import postgres from 'postgres'
import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import { type PostgresRevocationListOptions, postgresRevocationList } from '../../../src/kit/revocation/postgres.ts'
import { type RevocationList, RevocationListUnavailable } from '../../../src/kit/revocation/revocation-list.ts'
import { createStrictList } from '../../../src/kit/revocation/strict.ts'
import { movableClock } from '../../support/clock.ts'
import { databaseKinds, type TestDatabase } from '../../support/databases.ts'
import { addRule, openRevocationDatabase, someToken, untilVerdict, verdict } from '../../support/revocation-rules.ts'

const clock = movableClock()
const token = (jti: string) => someToken(clock, { jti })

const lists: RevocationList[] = []
const servers: Server[] = []
const sockets = new Set<Socket>()
afterEach(async () => {
  for (const list of lists.splice(0)) await list.close()
  for (const socket of sockets) socket.destroy()
  for (const server of servers.splice(0)) await new Promise((resolve) => server.close(resolve))
})

function follow(options: PostgresRevocationListOptions): RevocationList {
  const list = postgresRevocationList({ now: clock.now, deadlineMilliseconds: 10_000, ...options })
  lists.push(list)
  return list
}

/** Listens on a free port and does nothing else until told: a half-open host. */
async function silentServer(answer?: (socket: Socket) => void): Promise<number> {
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    answer?.(socket)
  })
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}

describe.skipIf(!databaseKinds.includes('postgres'))('the reader for applications beside the database', () => {
  let database: TestDatabase
  let url = ''
  beforeAll(async () => {
    database = await openRevocationDatabase('postgres', clock.now())
    url = database.url ?? ''
  })

  test('needs only the view: its role cannot read keys', async () => {
    const user = `reader_${process.pid}_${Date.now()}`
    const owner = postgres(url, { max: 1, onnotice: () => {} })
    await owner.unsafe(`create role ${user} login password 'reader' in role mintage_revocation_reader`)
    const readerUrl = new URL(url)
    readerUrl.username = user
    readerUrl.password = 'reader'
    const reader = postgres(readerUrl.href, { max: 1, onnotice: () => {} })
    try {
      for (const mode of ['synced', 'strict'] as const) {
        const list = follow({ url: readerUrl.href, mode, pollMilliseconds: 20 })
        await list.ready()
        await addRule(database.db, clock.now(), { kind: 'token', value: `by role ${mode}` })
        await untilVerdict(list, token(`by role ${mode}`), true)
        await list.close()
      }
      for (const table of [
        'api_keys',
        'api_key_versions',
        'signing_keys',
        'revocations',
        'service_state',
        'revocation_state',
        'audit_events',
      ]) {
        await expect(reader.unsafe(`select * from ${table}`)).rejects.toMatchObject({ code: '42501' })
      }
      await expect(reader`insert into revocations default values`).rejects.toMatchObject({ code: '42501' })
    } finally {
      await reader.end()
      await owner.unsafe(`drop owned by ${user}; drop role ${user}`)
      await owner.end()
    }
  })

  test.each(['synced', 'strict'] as const)('refuses a replica, %s', async (mode) => {
    // PostgreSQL searches pg_catalog first unless the path names it. So this session believes that it is in recovery.
    await database.db.execute(sql`create schema if not exists replica`)
    await database.db.execute(
      sql`create or replace function replica.pg_is_in_recovery() returns boolean language sql as 'select true'`,
    )
    const replica = new URL(url)
    replica.searchParams.set('search_path', 'replica,pg_catalog,public')
    const list = follow({ url: replica.href, mode })
    await expect(list.ready(1000)).rejects.toThrow(/is a replica/)
    await expect(verdict(list, token('j'))).rejects.toThrow(RevocationListUnavailable)
  })

  test('finds a rule among many by the index, strict', async () => {
    await database.db.execute(sql`
      insert into revocations (id, kind, value, effective_at, reason, actor, created_at)
      select 'rev_many_' || n, 'token', 'many ' || n, now() - interval '30 days', 'test', 'system', now() from generate_series(1, 20000) n`)
    await database.db.execute(sql`analyze revocations`)
    const list = follow({ url, mode: 'strict' })
    const verdicts = await Promise.all([1, 20_000, 20_001].map((number) => verdict(list, token(`many ${number}`))))
    expect(verdicts).toEqual([true, true, false])
    const reader = postgres(url, { max: 1 })
    const plan = await reader`
      explain select v.id from (select generation from mintage_revocations_v2 where id is null) l
      left join (select split_part(name, ':', 1) as kind, substr(name, strpos(name, ':') + 1) as value
        from json_array_elements_text(${'["token:a","all:*"]'}::text::json) as name) asked on true
      left join mintage_revocations_v2 v on v.kind = asked.kind and v.value = asked.value and not v.lifted`
    await reader.end()
    expect(plan.map((row) => String(Object.values(row)[0])).join('\n')).toContain('revocations_name')
  })

  test('reconnects by itself after its connection was cut', async () => {
    const reader = follow({ url, mode: 'synced', pollMilliseconds: 20 })
    const strict = follow({ url, mode: 'strict' })
    await Promise.all([reader.ready(), strict.ready()])
    await database.db.execute(sql`
      select pg_terminate_backend(pid) from pg_stat_activity
      where application_name = 'mintage-revocations' and datname = current_database()`)
    await addRule(database.db, clock.now(), { kind: 'token', value: 'after the cut' })
    await untilVerdict(reader, token('after the cut'), true)
    await expect.poll(() => verdict(strict, token('after the cut')).catch(() => 'unavailable')).toBe(true)
  })

  test('receives a rule without waiting for the poll', async () => {
    const list = follow({ url, mode: 'synced', pollMilliseconds: 1_000_000, maximumStalenessMilliseconds: 1_000_000 })
    await list.ready()
    await untilListening(database)
    await addRule(database.db, clock.now(), { kind: 'token', value: 'heard' })
    await untilVerdict(list, token('heard'), true)
  })

  test('works behind a transaction pooler by polling alone', async () => {
    for (const mode of ['synced', 'strict'] as const) {
      const list = follow({ url, mode, pooler: 'transaction', pollMilliseconds: 20 })
      await addRule(database.db, clock.now(), { kind: 'token', value: `pooled ${mode}` })
      await untilVerdict(list, token(`pooled ${mode}`), true)
    }
  })
})

async function untilListening(database: TestDatabase): Promise<void> {
  await expect
    .poll(async () => {
      const rows = await database.db
        .select({ query: sql<string>`query` })
        .from(sql`pg_stat_activity where datname = current_database() and application_name = 'mintage-revocations'`)
      return rows.some(({ query }) => query.startsWith('listen'))
    })
    .toBe(true)
}

describe('a database that is gone or silent', () => {
  test.each(['synced', 'strict'] as const)('makes checks fail within the deadline, %s', async (mode) => {
    const port = await silentServer()
    const list = follow({ url: `postgres://reader:secret@127.0.0.1:${port}/mintage`, mode, deadlineMilliseconds: 100 })
    const refusal = await verdict(list, token('j')).catch((error: unknown) => error)
    expect(refusal).toBeInstanceOf(RevocationListUnavailable)
    expect(String(refusal)).toMatch(/no answer within 100 ms/)
    expect(list.state()).toMatchObject({ usable: false })
  })

  test.each(['synced', 'strict'] as const)('that refuses connections does not leak the password, %s', async (mode) => {
    const port = await silentServer((socket) => socket.destroy())
    const list = follow({ url: `postgres://reader:hunter2@127.0.0.1:${port}/mintage`, mode, deadlineMilliseconds: 200 })
    const refusal = await verdict(list, token('j')).catch((error: unknown) => error)
    expect(refusal).toBeInstanceOf(RevocationListUnavailable)
    expect(
      JSON.stringify([String(refusal), list.state(), refusal instanceof Error ? String(refusal.cause) : '']),
    ).not.toContain('hunter2')
  })

  test.each(['not a url: hunter2', 'http://reader:hunter2@db/x', ''])(
    '%j is refused at construction, and the error does not quote it',
    (url) => {
      const attempt = () => postgresRevocationList({ url })
      expect(attempt).toThrow(TypeError)
      expect(attempt).not.toThrow(/hunter2/)
    },
  )
})

describe('strict checks', () => {
  const asking = (
    find: (names: readonly string[]) => Promise<ReadonlyMap<string, never[]>>,
    endOfTurn?: (task: () => void) => void,
  ) => createStrictList({ find, now: clock.now, monotonic: () => 0, endOfTurn, async close() {} })

  test('of one event-loop turn share one query, with each name once', async () => {
    const asked: (readonly string[])[] = []
    const find = async (names: readonly string[]) => {
      asked.push(names)
      return new Map()
    }
    const list = asking(find, setImmediate)
    expect(await Promise.all(['a', 'b', 'a'].map((jti) => verdict(list, token(jti))))).toEqual([false, false, false])
    expect(asked.length).toBe(1)
    expect([...(asked[0] ?? [])].sort()).toEqual(
      [
        'token:a',
        'token:b',
        'api_key:key_1',
        'organization:org_1',
        'subject:org_1 user 1',
        'signing_key:kid-1',
        'all:*',
      ].sort(),
    )
  })

  test('are split into queries of bounded size', async () => {
    const sizes: number[] = []
    const list = asking(async (names) => {
      sizes.push(names.length)
      return new Map()
    }, setImmediate)
    await Promise.all(Array.from({ length: 1200 }, (_, number) => verdict(list, token(`j${number}`))))
    expect(sizes.length).toBe(3)
    expect(Math.max(...sizes)).toBeLessThanOrEqual(505)
  })

  test('do not wait for each other if requests may not share I/O', async () => {
    let asked = 0
    const list = asking(async () => {
      asked += 1
      return new Map()
    })
    await Promise.all([verdict(list, token('a')), verdict(list, token('b'))])
    expect(asked).toBe(2)
  })

  test('fail together with their query, and the next query works', async () => {
    let failure: Error | undefined = new Error('gone')
    const list = asking(async () => {
      if (failure) throw failure
      return new Map()
    }, setImmediate)
    const verdicts = await Promise.allSettled([verdict(list, token('a')), verdict(list, token('b'))])
    expect(verdicts.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    expect(list.state()).toMatchObject({ usable: false, reason: 'the database did not answer: gone' })
    failure = undefined
    expect(await verdict(list, token('a'))).toBe(false)
    expect(list.state()).toMatchObject({ usable: true })
  })
})
