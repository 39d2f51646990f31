import { eq, sql } from 'drizzle-orm'
import { describe, expect, test } from 'vitest'
import type { Db } from '../../../src/db/database.ts'
import { revocations } from '../../../src/db/schema.ts'
import { pageSize, type RevocationSource } from '../../../src/kit/revocation/synced.ts'
import { serviceRevocationSource } from '../../../src/revocation/list-queries.ts'
import { pruneRevocations, startNewGeneration } from '../../../src/revocation/maintenance-queries.ts'
import { liftRevocationRule } from '../../../src/revocation/rule-queries.ts'
import { databaseKinds } from '../../support/databases.ts'
import { addRule, openRevocationDatabase, someToken, verdict } from '../../support/revocation-rules.ts'
import { clock, counted, follow as followBriefly } from '../../support/synced-list.ts'

/** A load takes long on a slow machine. */
const follow = (source: RevocationSource) => followBriefly(source, { maximumStalenessMilliseconds: 600_000 })

const many = 2 * pageSize + 10

async function insertMany(db: Db): Promise<void> {
  await db.execute(sql`
    insert into revocations (id, kind, value, effective_at, reason, actor, created_at)
    select 'rev_0' || lpad(n::text, 6, '0'), 'token', 'many ' || n, ${clock.now().toISOString()}::timestamptz, 'test', 'system', now()
    from generate_series(1, ${many}) n`)
}

/** The same source, and something that happens after one of its pages was read. */
function meanwhile(source: RevocationSource, page: number, happens: () => Promise<unknown>): RevocationSource {
  let pages = 0
  return {
    ...source,
    async read(after) {
      const batch = await source.read(after)
      pages += 1
      if (pages === page) await happens()
      return batch
    },
  }
}

describe.each(databaseKinds)('a long list on %s', (kind) => {
  const open = async () => {
    const { db } = await openRevocationDatabase(kind, clock.now())
    await insertMany(db)
    return db
  }
  const token = (jti: string) => someToken(clock, { jti })

  test('is loaded completely, with changes made during the load', async () => {
    const db = await open()
    const { source, from } = counted(serviceRevocationSource(db))
    const list = follow(
      meanwhile(source, 2, async () => {
        await liftRevocationRule(db, 'rev_0000001', clock.now()) // behind
        await liftRevocationRule(db, `rev_0${String(many).padStart(6, '0')}`, clock.now()) // ahead
        await db.update(revocations).set({ id: 'rev_00' }).where(eq(revocations.id, 'rev_0000002'))
        await addRule(db, clock.now(), { kind: 'token', value: 'meanwhile' })
      }),
    )
    await list.refresh()
    expect(from.length).toBe(3)
    const verdicts = await Promise.all(
      ['many 1', `many ${many}`, 'many 2', 'many 3', 'meanwhile'].map((jti) => verdict(list, token(jti))),
    )
    expect(verdicts).toEqual([false, false, true, true, true])
  })

  test('starts again if a rule is lifted and pruned before the load has read it again', async () => {
    const db = await open()
    const { source, fullLoads } = counted(serviceRevocationSource(db))
    const list = follow(
      meanwhile(source, 2, async () => {
        await liftRevocationRule(db, 'rev_0000001', new Date(0))
        expect(await pruneRevocations(db, clock.now())).toBe(1)
      }),
    )
    await list.refresh()
    expect(fullLoads()).toBe(2)
    expect(await verdict(list, token('many 1'))).toBe(false)
    expect(list.state().rules).toBe(many - 1)
  })

  test('does not start again if a rule is pruned that it has read as lifted', async () => {
    const { db } = await openRevocationDatabase(kind, clock.now())
    const id = await addRule(db, clock.now(), { kind: 'token', value: 'lifted' })
    await liftRevocationRule(db, id, new Date(0))
    await insertMany(db)
    const { source, fullLoads } = counted(serviceRevocationSource(db))
    const list = follow(meanwhile(source, 2, async () => expect(await pruneRevocations(db, clock.now())).toBe(1)))
    await list.refresh()
    expect(fullLoads()).toBe(1)
    expect(list.state().rules).toBe(many)
  })

  test('never mixes rules of two generations', async () => {
    const db = await open()
    const { source, fullLoads } = counted(serviceRevocationSource(db))
    const list = follow(
      meanwhile(source, 1, async () => {
        await db.delete(revocations)
        await db.transaction((tx) => startNewGeneration(tx, clock.now()))
      }),
    )
    await list.refresh()
    expect(fullLoads()).toBe(2)
    expect(list.state().rules).toBe(1)
  })

  test('that changes during each attempt is not loaded, and the list does not answer', async () => {
    const db = await open()
    const source = serviceRevocationSource(db)
    const list = follow({
      async read(after) {
        const page = await source.read(after)
        await db.transaction((tx) => startNewGeneration(tx, clock.now()))
        return page
      },
    })
    await expect(list.refresh()).rejects.toThrow('during each attempt')
    expect(list.state()).toMatchObject({ usable: false, rules: 0 })
  })
})
