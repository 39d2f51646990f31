import { asc, eq, sql } from 'drizzle-orm'
import fc from 'fast-check'
import { beforeEach, describe, expect, test } from 'vitest'
import { systemPrincipal } from '../../src/access/principal.ts'
import { appendAuditEvent, appendAuditEvents } from '../../src/audit/append-queries.ts'
import { chainHash, genesisHash, type TrailEvent, toldEvent } from '../../src/audit/chain.ts'
import type { AuditEvent } from '../../src/audit/events.ts'
import { trailEvent } from '../../src/audit/queries.ts'
import type { Db } from '../../src/db/database.ts'
import { sqlState } from '../../src/db/failure.ts'
import { auditChain, auditCheckpoints, auditEvents, changeLocks } from '../../src/db/schema.ts'
import { recomputedHash } from '../support/audit-trail.ts'
import { databaseKinds, openTestDatabase } from '../support/databases.ts'

/** The embedded database has one session: only PostgreSQL has concurrent writers. */
const serverKinds = databaseKinds.filter((kind) => kind === 'postgres')

const at = new Date('2026-11-02T10:00:00.123Z')

function something(subject: string | null = 'x'): AuditEvent {
  return {
    type: 'operation.refused',
    actor: systemPrincipal,
    organizationId: null,
    subject,
    context: { operation: 'GET /', code: 'x' },
  }
}

async function emptyTrail(db: Db): Promise<void> {
  for (const table of [auditCheckpoints, auditChain, auditEvents]) await db.delete(table)
}

async function append(db: Db, event: AuditEvent = something(), now = at) {
  return await db.transaction((tx) => appendAuditEvent(tx, event, now))
}

async function wholeChain(db: Db) {
  const rows = await db
    .select()
    .from(auditChain)
    .innerJoin(auditEvents, eq(auditEvents.sequence, auditChain.sequence))
    .orderBy(asc(auditChain.sequence))
  return rows.map(({ audit_chain, audit_events }) => ({ ...audit_chain, event: trailEvent(audit_events) }))
}

/** Recomputes every hash from the database. */
async function expectWholeChain(db: Db, length: number): Promise<void> {
  const links = await wholeChain(db)
  expect(links.map(({ sequence }) => sequence)).toEqual(Array.from({ length }, (_, index) => index + 1))
  let previousHash = genesisHash
  for (const link of links) {
    expect(link).toMatchObject({ previousHash, hash: recomputedHash(previousHash, link.event) })
    previousHash = link.hash
  }
}

test('an event keeps its hash for ever: the example in docs/audit.md', async () => {
  const event: TrailEvent = {
    sequence: 7,
    id: 'evt_0192f0c4a1b27c3d8e4f5a6b7c8d9e0f',
    occurredAt: '2026-11-02T10:00:00.123Z',
    type: 'api_key.revoked',
    result: 'success',
    actor: 'key_0192f0c4a1b27c3d8e4f5a6b7c8d9e0f',
    organizationId: 'org_0192f0c4a1b27c3d8e4f5a6b7c8d9e0f',
    subject: 'key_0192f0c4a1b27c3d8e4f5a6b7c8d9e10',
    reason: 'leaked',
    address: '192.0.2.7',
    agent: null,
    requestId: 'req_5fWqXyz',
    sessionId: null,
    durationMilliseconds: 12,
    context: { text: 'Grüße', revocationId: 'rev_1', nested: { b: 1, a: [null, true] } },
  }
  expect(await chainHash(genesisHash, toldEvent(event))).toBe(
    '8c15054817413cf2f933b7e7a6c715940d1692b72f59d59840bf3e695ef5a1e1',
  )
  expect(await chainHash(genesisHash, toldEvent({ ...event, reason: 'lost' }))).not.toBe(
    '8c15054817413cf2f933b7e7a6c715940d1692b72f59d59840bf3e695ef5a1e1',
  )
})

describe.each(databaseKinds)('the chain on %s', async (kind) => {
  const { db } = await openTestDatabase(kind)
  beforeEach(() => emptyTrail(db))

  test('begins at the genesis hash and links each event to the one before', async () => {
    expect(await append(db)).toMatchObject({ sequence: 1, previousHash: '0'.repeat(64) })
    const second = await append(db)
    expect((await append(db)).previousHash).toBe(second.hash)
    await expectWholeChain(db, 3)
  })

  test('has no gap after a transaction was rolled back', async () => {
    await append(db)
    const undone = db.transaction(async (tx) => {
      await appendAuditEvent(tx, something(), at)
      throw new Error('undone')
    })
    await expect(undone).rejects.toThrow('undone')
    await append(db)
    await expectWholeChain(db, 2)
  })

  test('keeps several events of one transaction in order', async () => {
    await db.transaction(async (tx) => {
      for (const subject of ['a', 'b', 'c']) await appendAuditEvent(tx, something(subject), at)
    })
    expect((await wholeChain(db)).map(({ event }) => event.subject)).toEqual(['a', 'b', 'c'])
    await expectWholeChain(db, 3)
  })

  test('keeps events that are appended together in order, and links each to the one before', async () => {
    await append(db)
    const together = ['a', 'b', 'c'].map((subject) => something(subject))
    const links = await db.transaction((tx) => appendAuditEvents(tx, together, at))
    expect(links.map(({ sequence }) => sequence)).toEqual([2, 3, 4])
    expect((await wholeChain(db)).map(({ event }) => event.subject)).toEqual(['x', 'a', 'b', 'c'])
    await expectWholeChain(db, 4)
  })

  test('is not continued without its lock, and the error says which row to add', async () => {
    await append(db)
    await db.delete(changeLocks).where(eq(changeLocks.name, 'audit_head'))
    const add = "insert into change_locks values ('audit_head')"
    await expect(append(db)).rejects.toThrow(add)
    await expect(db.transaction((tx) => appendAuditEvents(tx, [something(), something()], at))).rejects.toThrow(add)
    await expectWholeChain(db, 1)
    await db.execute(sql.raw(add))
    await append(db)
    await expectWholeChain(db, 2)
  })

  test('hashes what the database returns, whatever the event contains', async () => {
    let length = 0
    // jsonb rejects NUL and half a surrogate pair. No operation lets one into the context.
    const words = fc.string({ unit: 'grapheme' })
    const anything = fc.string({ unit: 'binary' })
    await fc.assert(
      fc.asyncProperty(
        fc.dictionary(words, fc.jsonValue({ stringUnit: 'grapheme' })),
        anything,
        anything,
        async (context, subject, reason) => {
          await append(db, { ...something(subject), reason, context: Object(context) })
          length++
        },
      ),
      { numRuns: 40 },
    )
    await expectWholeChain(db, length)
  })

  test('includes the events from before the chain as its first links', async () => {
    const earlier = {
      occurredAt: at,
      type: 'organization.created',
      result: 'success',
      actor: 'system',
      context: {},
    } as const
    await db.insert(auditEvents).values([1, 2].map((sequence) => ({ ...earlier, sequence, id: `evt_${sequence}` })))
    const links = await db.transaction((tx) => appendAuditEvents(tx, [something(), something()], at))
    expect(links.map(({ sequence }) => sequence)).toEqual([3, 4])
    expect(await append(db)).toMatchObject({ sequence: 5 })
    await expectWholeChain(db, 5)
  })

  test('cannot fork: the database rejects a second event after the same one', async () => {
    const first = await append(db)
    await append(db)
    await db
      .insert(auditEvents)
      .values({ sequence: 3, id: 'evt_3', occurredAt: at, type: 'x', result: 'success', actor: 'x', context: {} })
    const fork = db.insert(auditChain).values({ sequence: 3, previousHash: first.hash, hash: 'f'.repeat(64) })
    expect(await fork.catch(sqlState)).toBe('23505')
  })

  test('cannot be prevented by a NUL byte, half a character or a byte order mark', async () => {
    await append(db, { ...something('a\0b\ud800'), reason: '\ufeff\0' })
    expect((await wholeChain(db))[0]?.event).toMatchObject({ subject: 'a\ufffdb\ufffd', reason: '\ufffd\ufffd' })
  })

  test('records how long an action took, from the arrival of the request', async () => {
    const from = (receivedAt: Date) => ({ ...systemPrincipal, origin: { ...systemPrincipal.origin, receivedAt } })
    await append(db, { ...something(), actor: from(new Date(at.getTime() - 42)) })
    await append(db, { ...something(), actor: from(new Date(at.getTime() + 42)) })
    await append(db, { ...something(), actor: from(new Date(0)) })
    await append(db)
    const durations = (await wholeChain(db)).map(({ event }) => event.durationMilliseconds)
    expect(durations).toEqual([42, 0, 2 ** 31 - 1, null])
  })
})

describe.each(serverKinds)('concurrent writers on %s', async (kind) => {
  const { db } = await openTestDatabase(kind)
  beforeEach(() => emptyTrail(db))

  test('fifty concurrent writers each get their own place', async () => {
    await Promise.all(Array.from({ length: 50 }, (_, index) => append(db, something(`writer ${index}`))))
    await expectWholeChain(db, 50)
    const subjects = new Set((await wholeChain(db)).map(({ event }) => event.subject))
    expect(subjects.size).toBe(50)
  })

  test('writers of one event and of several each get places without a gap, and theirs are together', async () => {
    const writers = Array.from({ length: 30 }, (_, index) => {
      const events = Array.from({ length: 1 + (index % 3) }, () => something(`writer ${index}`))
      return db.transaction((tx) => appendAuditEvents(tx, events, at))
    })
    await Promise.all(writers)
    await expectWholeChain(db, 60)
    const subjects = (await wholeChain(db)).map(({ event }) => event.subject)
    expect(subjects.filter((subject, index) => subject !== subjects[index - 1])).toHaveLength(30)
  })

  test('an event that waited for the lock is appended after those that were committed meanwhile', async () => {
    const [appended, done] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    const first = db.transaction(async (tx) => {
      await appendAuditEvents(tx, [something('first'), something('second')], at)
      appended.resolve()
      await done.promise
    })
    await appended.promise
    const third = append(db, something('third'))
    const isWaiting = sql`wait_event_type = 'Lock' and datname = current_database()`
    await expect.poll(() => db.select({ one: sql`1` }).from(sql`pg_stat_activity`).where(isWaiting)).toHaveLength(1)
    done.resolve()
    await Promise.all([first, third])
    expect((await third).sequence).toBe(3)
    await expectWholeChain(db, 3)
  })

  test('continues when a writer in the middle is rolled back', async () => {
    const writers = Array.from({ length: 20 }, (_, index) =>
      db
        .transaction(async (tx) => {
          await appendAuditEvent(tx, something(String(index)), at)
          if (index % 3 === 0) throw new Error('undone')
        })
        .catch(() => {}),
    )
    await Promise.all(writers)
    await expectWholeChain(db, 13)
    expect(await db.select({ one: sql`1` }).from(auditEvents)).toHaveLength(13)
  })
})
