import { describe, expect, onTestFinished, test } from 'vitest'
import { createServiceRevocationList } from '../../src/revocation/service-list.ts'
import { movableClock } from '../support/clock.ts'
import { databaseKinds } from '../support/databases.ts'
import { addRule, movableMilliseconds, openRevocationDatabase, someToken } from '../support/revocation-rules.ts'

const clock = movableClock()

describe.each(databaseKinds)("the service's own list on %s", async (kind) => {
  const database = await openRevocationDatabase(kind, clock.now())
  const { db } = database
  const token = someToken(clock)

  function createList(how: { refreshInRequest: true } | { pollMilliseconds: number }) {
    const time = movableMilliseconds()
    const list = createServiceRevocationList({
      db,
      database,
      now: clock.now,
      monotonic: time.monotonic,
      ...how,
    })
    onTestFinished(() => list.close())
    return { list, time }
  }

  test('that is read in requests is read ahead once it is older than a second, and not before', async () => {
    const { list, time } = createList({ refreshInRequest: true })
    await list.readAhead()
    expect(list.knownRulesOn(token)).toEqual([])
    await addRule(db, clock.now(), { kind: 'api_key', value: token.clientId })
    time.advance(999)
    expect(list.readAhead()).toBeUndefined()
    time.advance(2)
    await list.readAhead()
    expect(list.knownRulesOn(token)).toMatchObject([{ kind: 'api_key', issuedBefore: null }])
  })

  test('that is polled is never read ahead: its timer does that', () => {
    expect(createList({ pollMilliseconds: 1000 }).list.readAhead()).toBeUndefined()
  })

  test('that is closed reads nothing ahead, and does not fail', async () => {
    const { list } = createList({ refreshInRequest: true })
    await list.close()
    expect(list.readAhead()).toBeUndefined()
  })
})
