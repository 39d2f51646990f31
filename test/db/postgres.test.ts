import { eq, sql } from 'drizzle-orm'
import postgres from 'postgres'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Database } from '../../src/db/database.ts'
import { databaseFailure } from '../../src/db/failure.ts'
import { openPostgres, type PostgresOptions } from '../../src/db/postgres.ts'
import { organizations } from '../../src/db/schema.ts'
import { createPostgresDatabase, databaseKinds } from '../support/databases.ts'
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts'

const organization = (id: string) => ({ id, name: id, plan: 'free', createdAt: new Date(0) })
const one = sql`(select 1) as one`
const slowly = sql`(select pg_sleep(30)) as slow`

/** The public code of a call that must fail. */
async function refusal(call: Promise<unknown>) {
  const error = await call.then(
    () => undefined,
    (error: unknown) => error,
  )
  return databaseFailure(error)?.code
}

describe.runIf(databaseKinds.includes('postgres'))('PostgreSQL', () => {
  let url: string
  let admin: postgres.Sql
  const opened: Database[] = []
  const proxies: TcpProxy[] = []

  const open = (options: Partial<PostgresOptions> = {}) => {
    const database = openPostgres({ url, pooler: 'none', deadlineMilliseconds: 1000, ...options })
    opened.push(database)
    return database
  }
  const openThroughProxy = async () => {
    const through = new URL(url)
    const proxy = await startTcpProxy(Number(through.port))
    proxies.push(proxy)
    through.port = String(proxy.port)
    return { proxy, db: open({ url: through.href }).db }
  }
  const ids = async () => (await admin`select id from organizations order by id`).map(({ id }) => id)

  beforeAll(async () => {
    url = await createPostgresDatabase()
    admin = postgres(url, { max: 1, onnotice: () => {} })
  })
  afterAll(async () => {
    for (const database of opened) await database.close()
    for (const proxy of proxies) proxy.close()
    await admin.end()
  })

  describe('a slow statement', () => {
    // A69. Behind a pooler there is no statement_timeout outside a transaction, so the cancellation must do it.
    test.each(['none', 'transaction'] as const)(
      'on every connection (pooler: %s) makes new calls fail before it does, is cancelled on the server, and leaves everything working',
      async (pooler) => {
        const { db, stats } = open({ pooler, maxConnections: 2, deadlineMilliseconds: 1500 })
        const ended: string[] = []
        const slow = [db, db].map(async (each) => {
          const code = await refusal(each.select({ one: sql`1` }).from(slowly))
          ended.push('slow')
          return code
        })
        expect(await refusal(db.select({ one: sql`1` }).from(one))).toBe('database_unavailable')
        expect(ended).toEqual([])
        expect(await Promise.all(slow)).toEqual(['database_unavailable', 'database_unavailable'])
        await expect
          .poll(
            () =>
              admin`select pid from pg_stat_activity where state = 'active' and query like '%pg_sleep%' and pid <> pg_backend_pid()`,
          )
          .toHaveLength(0)
        expect(await db.select({ one: sql`1` }).from(one)).toEqual([{ one: 1 }])
        expect(stats()).toMatchObject({ inFlight: 0, broken: false })
      },
    )

    test('in a transaction undoes all of it, and later statements of the transaction do nothing', async () => {
      const { db } = open()
      const late = Promise.withResolvers<string | undefined>()
      const code = await refusal(
        db.transaction(async (tx) => {
          await tx.insert(organizations).values(organization('org_slow'))
          await tx
            .select({ one: sql`1` })
            .from(slowly)
            .catch(() => {})
          late.resolve(await refusal(tx.insert(organizations).values(organization('org_late')).execute()))
        }),
      )
      expect(code).toBe('database_unavailable')
      expect(await late.promise).toBe('database_unavailable')
      await expect
        .poll(
          () =>
            admin`select pid from pg_stat_activity where query like '%pg_sleep%' and state <> 'idle' and pid <> pg_backend_pid()`,
        )
        .toHaveLength(0)
      expect(await ids()).toEqual([])
    })

    // The server's own limit ends a statement later, so the answer is always the same.
    test.each(['none', 'transaction'] as const)(
      'that may have changed something fails with outcome_unknown (pooler: %s)',
      async (pooler) => {
        const { db, stats } = open({ pooler })
        await db.select({ one: sql`1` }).from(one)
        const change = () =>
          refusal(
            db
              .update(organizations)
              .set({ name: sql`pg_sleep(30)::text || 'x'` })
              .where(sql`(select true from pg_sleep(30))`),
          )
        expect(await Promise.all([change(), change(), change()])).toEqual(Array(3).fill('outcome_unknown'))
        expect(stats().broken).toBe(false)
      },
    )
  })

  test('a transaction that waits for something other than the database is undone at its deadline', async () => {
    const { db } = open({ deadlineMilliseconds: 300 })
    const code = await refusal(
      db.transaction(async (tx) => {
        await tx.insert(organizations).values(organization('org_idle'))
        await new Promise(() => {})
      }),
    )
    expect(code).toBe('database_unavailable')
    await expect
      .poll(() => admin`select pid from pg_stat_activity where state like 'idle in transaction%'`)
      .toHaveLength(0)
    expect(await ids()).toEqual([])
  })

  test('writes that wait for one locked row leave the reads of exchanges alone, and are refused because of the lock', async () => {
    const { db, reads, stats } = open({ maxConnections: 2, deadlineMilliseconds: 3000 })
    await db.insert(organizations).values(organization('org_slow'))
    const holder = postgres(url, { max: 1, onnotice: () => {} })
    const held = Promise.withResolvers<void>()
    const locked = Promise.withResolvers<void>()
    const holding = holder.begin(async (tx) => {
      await tx`select from organizations where id = 'org_slow' for update`
      locked.resolve()
      await held.promise
    })
    await locked.promise
    try {
      const rename = () =>
        refusal(db.update(organizations).set({ name: 'new' }).where(eq(organizations.id, 'org_slow')))
      const waiting = Array.from({ length: 10 }, rename)
      expect(await reads?.select({ one: sql`1` }).from(one)).toEqual([{ one: 1 }])
      for (const code of await Promise.all(waiting)) expect(['database_unavailable', 'outcome_unknown']).toContain(code)
      expect(stats()).toMatchObject({ refusedLately: 'lock' })
      expect(await reads?.select({ one: sql`1` }).from(one)).toEqual([{ one: 1 }])
    } finally {
      held.resolve()
      await holding
      await holder.end()
    }
    await admin`delete from organizations`
  })

  test('a connection on which a change was refused as read-only (25006) is dropped, and every other idle one too', async () => {
    const { db } = open({ pooler: 'transaction', maxConnections: 2 })
    const makeReadOnly = sql`set session characteristics as transaction read only`
    await Promise.all([db.execute(makeReadOnly), db.execute(makeReadOnly)])
    const insert = (id: string) => db.insert(organizations).values(organization(id))
    expect(await refusal(insert('org_refused'))).toBe('database_unavailable')
    await Promise.all([insert('org_read_only_1'), insert('org_read_only_2')])
    await db.execute(makeReadOnly)
    expect(await refusal(db.transaction((tx) => tx.insert(organizations).values(organization('org_refused'))))).toBe(
      'database_unavailable',
    )
    await db.transaction((tx) => tx.insert(organizations).values(organization('org_read_only_3')))
    expect(await ids()).toEqual(expect.arrayContaining(['org_read_only_1', 'org_read_only_2', 'org_read_only_3']))
    await admin`delete from organizations`
  })

  describe('a connection lost', () => {
    const terminate = () =>
      admin`select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'mintage' and datname = current_database() and pid <> pg_backend_pid()`

    test('in a transaction undoes all of it: no later statement runs on another connection', async () => {
      const { db } = open()
      const code = await refusal(
        db.transaction(async (tx) => {
          await tx.insert(organizations).values(organization('org_before'))
          await terminate()
          await tx
            .insert(organizations)
            .values(organization('org_after'))
            .catch(() => {})
          await tx
            .insert(organizations)
            .values(organization('org_after_that'))
            .catch(() => {})
        }),
      )
      expect(code).toBe('database_unavailable')
      expect(await ids()).toEqual([])
      expect(await db.select({ one: sql`1` }).from(one)).toEqual([{ one: 1 }])
    })

    test('while many statements of one transaction wait runs none of them on another connection', async () => {
      const { db } = open()
      const code = await refusal(
        db.transaction(async (tx) => {
          const slow = tx.select({ one: sql`1` }).from(slowly).execute()
          const others = ['a', 'b', 'c'].map((id) =>
            tx
              .insert(organizations)
              .values(organization(`org_${id}`))
              .execute(),
          )
          await expect
            .poll(
              () =>
                admin`select pid from pg_stat_activity where query like '%pg_sleep%' and state = 'active' and pid <> pg_backend_pid()`,
            )
            .toHaveLength(1)
          await terminate()
          await Promise.allSettled([slow, ...others])
        }),
      )
      expect(code).toBe('database_unavailable')
      expect(await ids()).toEqual([])
    })

    test('while idle is replaced without an error', async () => {
      const { db, stats } = open()
      for (let round = 0; round < 5; round++) {
        await Promise.all([1, 2, 3, 4].map(() => db.select({ one: sql`1` }).from(one)))
        await terminate()
        expect(await Promise.all([1, 2, 3, 4].map(() => db.select({ one: sql`1` }).from(one)))).toHaveLength(4)
        await terminate()
        expect(await db.transaction((tx) => tx.select({ one: sql`1` }).from(one))).toEqual([{ one: 1 }])
      }
      expect(stats()).toMatchObject({ inFlight: 0, broken: false })
    })
  })

  describe('the answer to COMMIT', () => {
    test.each(['swallowAnswersTo', 'cutAfter'] as const)(
      'lost (%s) fails with outcome_unknown, and the change is stored',
      async (lose) => {
        const { proxy, db } = await openThroughProxy()
        await db.select({ one: sql`1` }).from(one)
        proxy[lose]('commit')
        expect(
          await refusal(db.transaction((tx) => tx.insert(organizations).values(organization(`org_${lose}`)))),
        ).toBe('outcome_unknown')
        await expect.poll(ids).toEqual([`org_${lose}`])
        await admin`delete from organizations`
      },
    )

    test('lost for a transaction that only read is not an unknown outcome', async () => {
      const { proxy, db } = await openThroughProxy()
      proxy.cutAfter('commit')
      expect(await refusal(db.transaction((tx) => tx.select().from(organizations)))).toBe('database_unavailable')
    })
  })

  test.each(['swallowAnswersTo', 'cutAfter'] as const)(
    'a single change whose answer is lost (%s) fails with outcome_unknown',
    async (lose) => {
      const { proxy, db } = await openThroughProxy()
      proxy[lose]('insert into "organizations"')
      expect(
        await refusal(
          db
            .insert(organizations)
            .values(organization(`org_${lose}`))
            .execute(),
        ),
      ).toBe('outcome_unknown')
    },
  )

  test('timeouts are set on the session without a pooler, and in each transaction and for each statement behind one', async () => {
    const show = (db: Pick<Database['db'], 'select'>) =>
      db
        .select({
          statement: sql`current_setting('statement_timeout')`,
          idle: sql`current_setting('idle_in_transaction_session_timeout')`,
        })
        .from(one)
    const direct = open({ deadlineMilliseconds: 1400 }).db
    const pooled = open({ pooler: 'transaction', deadlineMilliseconds: 1400 }).db
    const limited = [{ statement: '1750ms', idle: '2800ms' }]
    expect(await show(direct)).toEqual(limited)
    expect(await pooled.transaction(show)).toEqual(limited)
    expect(await show(pooled)).toEqual(limited)
  })

  test('behind a pooler there are no named statements and there is no LISTEN', async () => {
    const kept = async (database: Database) => {
      const find = database.db
        .select()
        .from(organizations)
        .where(eq(organizations.id, sql.placeholder('id')))
        .prepare('find')
      await find.execute({ id: 'org_x' })
      return database.db.transaction((tx) => tx.select({ count: sql`count(*)::int` }).from(sql`pg_prepared_statements`))
    }
    const pooled = open({ pooler: 'transaction', maxConnections: 1 })
    expect(pooled.listen).toBeUndefined()
    expect(await kept(pooled)).toEqual([{ count: 0 }])
    expect(await kept(open({ maxConnections: 1 }))).toEqual([{ count: 1 }])
  })

  test('LISTEN works again after its connection was lost', async () => {
    const database = open()
    let calls = 0
    await database.listen?.('mintage_revocations', () => calls++)
    await expect.poll(() => calls).toBe(1)
    await admin`notify mintage_revocations`
    await expect.poll(() => calls).toBe(2)
    await admin`select pg_terminate_backend(pid) from pg_stat_activity where query like 'listen%' and datname = current_database()`
    await expect.poll(() => calls).toBe(3)
    await admin`notify mintage_revocations`
    await expect.poll(() => calls).toBe(4)
  })

  test('a call after closing is refused, and so is one that waited', async () => {
    const database = open({ maxConnections: 1 })
    const slow = refusal(database.db.select({ one: sql`1` }).from(sql`(select pg_sleep(0.3)) as slow`))
    const waiting = refusal(database.db.select({ one: sql`1` }).from(one))
    await expect.poll(() => database.stats().inFlight).toBe(2)
    await database.close()
    expect(await Promise.all([slow, waiting])).toEqual([undefined, 'database_unavailable'])
    expect(await refusal(database.db.select({ one: sql`1` }).from(one))).toBe('database_unavailable')
  })
})
