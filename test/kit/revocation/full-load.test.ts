import { sql } from 'drizzle-orm'
import { describe, expect, test } from 'vitest'
import type { Db } from '../../../src/db/database.ts'
import { loadInFull, pageSize } from '../../../src/kit/revocation/full-load.ts'
import { serviceRevocationSource } from '../../../src/revocation/list-queries.ts'
import { startNewGeneration } from '../../../src/revocation/maintenance-queries.ts'
import { liftRevocationRule } from '../../../src/revocation/rule-queries.ts'
import { databaseKinds } from '../../support/databases.ts'
import { addRule, openRevocationDatabase, someToken, verdict } from '../../support/revocation-rules.ts'
import { clock, follow } from '../../support/synced-list.ts'

const many = 2 * pageSize + 10

async function insertMany(db: Db): Promise<void> {
  await db.execute(sql`
    insert into revocations (id, kind, value, effective_at, reason, actor, created_at)
    select 'rev_0' || lpad(n::text, 6, '0'), 'token', 'many ' || n, ${clock.now().toISOString()}::timestamptz, 'test', 'system', now()
    from generate_series(1, ${many}) n`)
}

describe.each(databaseKinds)('a long list on %s', (kind) => {
  test('is loaded completely, with changes made during the load', async () => {
    const { db } = await openRevocationDatabase(kind, clock.now())
    await insertMany(db)
    const source = serviceRevocationSource(db)
    let pages = 0
    const list = follow({
      ...source,
      async readPage(afterId) {
        pages += 1
        const page = await source.readPage(afterId)
        if (pages === 2) {
          await liftRevocationRule(db, 'rev_0000001', clock.now()) // behind
          await liftRevocationRule(db, `rev_0${String(many).padStart(6, '0')}`, clock.now()) // ahead
          await db.execute(
            sql`update revocations set id = 'rev_00', xact_id = pg_current_xact_id() where id = 'rev_0000002'`,
          )
          await addRule(db, clock.now(), { kind: 'token', value: 'meanwhile' })
        }
        return page
      },
    })
    await list.refresh()
    expect(pages).toBe(3)
    const verdicts = await Promise.all(
      ['many 1', `many ${many}`, 'many 2', 'many 3', 'meanwhile'].map((jti) =>
        verdict(list, someToken(clock, { jti })),
      ),
    )
    expect(verdicts).toEqual([false, false, true, true, true])
  })

  test('never mixes rules of two generations', async () => {
    const { db } = await openRevocationDatabase(kind, clock.now())
    await insertMany(db)
    const source = serviceRevocationSource(db)
    const restored = loadInFull({
      read: source.read,
      async readPage(afterId) {
        const page = await source.readPage(afterId)
        if (afterId === '') await db.transaction((tx) => startNewGeneration(tx, clock.now()))
        return page
      },
    })
    await expect(restored).rejects.toThrow('restored during the load')
  })
})
