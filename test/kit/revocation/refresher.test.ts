import { describe, expect, test } from 'vitest'
import { RevocationListUnavailable } from '../../../src/kit/revocation/revocation-list.ts'
import { movableClock } from '../../support/clock.ts'
import { movableMilliseconds, seconds, someToken, untilVerdict, verdict } from '../../support/revocation-rules.ts'
import { clock, counted, follow, scriptedSource } from '../../support/synced-list.ts'

const token = (jti: string) => someToken(clock, { jti })

describe('freshness', () => {
  test('no token is accepted before the first full load', async () => {
    const database = scriptedSource()
    database.fail(new Error('connection refused'))
    const list = follow(database.source)
    expect(() => list.isRevoked(token('j'), [])).toThrow(RevocationListUnavailable)
    await expect(list.refresh()).rejects.toThrow('connection refused')
    expect(() => list.isRevoked(token('j'), [])).toThrow(/not loaded yet: connection refused/)
    await expect(list.ready(20)).rejects.toThrow(RevocationListUnavailable)
    expect(list.state()).toMatchObject({ usable: false, ageMilliseconds: null, rules: 0 })
  })

  test('the first calls wait for the first load instead of failing', async () => {
    const database = scriptedSource()
    database.revoke('j')
    const arrival = Promise.withResolvers<void>()
    database.hangUntil(arrival.promise)
    const list = follow(database.source, { startsWhenAsked: true })
    const calls = Promise.all([verdict(list, token('j')), verdict(list, token('k'))])
    arrival.resolve()
    expect(await calls).toEqual([true, false])
  })

  test('no token is accepted past the maximum staleness, until the list is updated', async () => {
    const database = scriptedSource()
    const time = movableMilliseconds()
    const list = follow(database.source, { monotonic: time.monotonic })
    await list.refresh()
    database.fail(new Error('gone'))
    time.advance(10_000)
    await expect(list.refresh()).rejects.toThrow('gone')
    expect(await verdict(list, token('j'))).toBe(false)
    time.advance(1)
    const refusal = await verdict(list, token('j')).catch((error: unknown) => error)
    expect(refusal).toBeInstanceOf(RevocationListUnavailable)
    expect(refusal).toMatchObject({
      retryAfterSeconds: 1,
      message: 'the revocation list is older than its maximum staleness: gone',
    })
    expect(list.state()).toMatchObject({ usable: false, ageMilliseconds: 10_001 })
    database.fail(undefined)
    await list.refresh()
    expect(await verdict(list, token('j'))).toBe(false)
  })

  test('freshness counts from the question, not from the answer', async () => {
    const database = scriptedSource()
    const time = movableMilliseconds()
    const list = follow(database.source, { monotonic: time.monotonic })
    const arrival = Promise.withResolvers<void>()
    database.hangUntil(arrival.promise)
    const slow = list.refresh()
    time.advance(4000)
    arrival.resolve()
    await slow
    expect(list.state().ageMilliseconds).toBe(4000)
  })

  test('the wall clock may jump in either direction without changing the age of the list', async () => {
    const database = scriptedSource()
    const time = movableMilliseconds()
    const wall = movableClock()
    const list = follow(database.source, { monotonic: time.monotonic, now: wall.now })
    await list.refresh()
    wall.advance(86_400)
    expect(await verdict(list, token('j'))).toBe(false)
    wall.advance(-2 * 86_400)
    time.advance(10_001)
    expect(() => list.isRevoked(token('j'), [])).toThrow(RevocationListUnavailable)
  })

  test('a wall clock that dropped rules as expired and went back stops all answers until a full load', async () => {
    const database = scriptedSource()
    const time = movableMilliseconds()
    const wall = movableClock()
    database.revoke('j', { expiresAt: seconds(wall.now()) + 3600 })
    const list = follow(database.source, { monotonic: time.monotonic, now: wall.now })
    await list.refresh()
    wall.advance(86_400)
    time.advance(60_000)
    await list.refresh()
    expect(list.state().rules).toBe(0)
    wall.advance(-86_400)
    expect(() => list.isRevoked(token('j'), list.namesOf(token('j')) as string[])).toThrow(RevocationListUnavailable)
    await list.refresh()
    expect(await verdict(list, token('j'))).toBe(true)
  })

  test('a read that never ends does not block the next one, and its late answer is ignored', async () => {
    const database = scriptedSource()
    const list = follow(database.source, { deadlineMilliseconds: 30 })
    await list.refresh()
    const arrival = Promise.withResolvers<void>()
    database.hangUntil(arrival.promise)
    await expect(list.refresh()).rejects.toThrow('no answer within 30 ms')
    database.hangUntil(undefined)
    database.revoke('j')
    await list.refresh()
    arrival.resolve()
    await list.refresh()
    expect(await verdict(list, token('j'))).toBe(true)
  })

  test('numbers that went back force a full load', async () => {
    const database = scriptedSource()
    database.revoke('a')
    database.revoke('lost')
    const list = follow(database.source)
    await list.refresh()
    database.forget('lost')
    database.restoreOlder(1)
    await list.refresh()
    expect(list.state().rules).toBe(1)
    expect(await verdict(list, token('lost'))).toBe(false)
    expect(await verdict(list, token('a'))).toBe(true)
  })

  test('a list that missed a rule before it was deleted loads in full, whenever that was', async () => {
    const database = scriptedSource()
    const { source, fullLoads } = counted(database.source)
    database.revoke('lifted and pruned meanwhile')
    const list = follow(source)
    await list.refresh()
    database.revoke('lifted and pruned meanwhile', { lifted: true })
    database.prune('lifted and pruned meanwhile')
    await list.refresh()
    expect(fullLoads()).toBe(2)
    expect(list.state().rules).toBe(0)
  })

  test('a list that was offline for long reads only what changed', async () => {
    const database = scriptedSource()
    const time = movableMilliseconds()
    const { source, fullLoads, rows } = counted(database.source)
    for (let number = 0; number < 10; number += 1) database.revoke(`j${number}`)
    const list = follow(source, { monotonic: time.monotonic })
    await list.refresh()
    database.revoke('meanwhile')
    time.advance(100_000_000)
    await list.refresh()
    expect([fullLoads(), rows()]).toEqual([1, 11])
    expect(await verdict(list, token('meanwhile'))).toBe(true)
  })

  test('without timers a check reads again if the list is older than the interval, and may use it while reads fail', async () => {
    const database = scriptedSource()
    const time = movableMilliseconds()
    const { source, from } = counted(database.source)
    const list = follow(source, { monotonic: time.monotonic, inRequest: true, pollMilliseconds: 1000 })
    list.start()
    expect(from).toEqual([])
    expect(await verdict(list, token('j'))).toBe(false)
    time.advance(1000)
    expect(list.isRevoked(token('j'), [])).toBe(false)
    expect(from.length).toBe(1)
    time.advance(1)
    database.revoke('j')
    expect(await verdict(list, token('j'))).toBe(true)
    expect(from.length).toBe(2)
    database.fail(new Error('gone'))
    time.advance(9000)
    expect(await verdict(list, token('j'))).toBe(true)
    time.advance(1001)
    await expect(verdict(list, token('j'))).rejects.toThrow(RevocationListUnavailable)
  })

  test.each([
    ['pollMilliseconds', 0],
    ['pollMilliseconds', Number.NaN],
    ['maximumStalenessMilliseconds', -1],
    ['maximumStalenessMilliseconds', Number.POSITIVE_INFINITY],
    ['deadlineMilliseconds', 0],
  ])('%s of %d is refused at construction', (name, value) => {
    expect(() => follow(scriptedSource().source, { [name]: value })).toThrow(TypeError)
  })
})

describe('notifications are hints', () => {
  test('a thousand of them, repeated and out of order, cause a handful of reads', async () => {
    const database = scriptedSource()
    const { source, from } = counted(database.source)
    const list = follow(source, { pollMilliseconds: 1_000_000, maximumStalenessMilliseconds: 2_000_000 })
    list.start()
    await list.ready()
    database.revoke('j')
    for (let number = 0; number < 1000; number += 1) database.notify()
    await untilVerdict(list, token('j'), true)
    expect(from.length).toBeLessThanOrEqual(3)
  })

  test('the poll makes up for a lost one and for a half-open listener', async () => {
    const database = scriptedSource()
    const list = follow(database.source, { pollMilliseconds: 20 })
    list.start()
    await list.ready()
    database.revoke('j') // nothing arrives
    await untilVerdict(list, token('j'), true)
  })

  test('opening the listener is retried', async () => {
    const database = scriptedSource()
    let refusals = 2
    const list = follow(
      {
        ...database.source,
        async listen(onChange) {
          if (refusals-- > 0) throw new Error('connection refused')
          return (await database.source.listen?.(onChange)) ?? (async () => {})
        },
      },
      { pollMilliseconds: 10 },
    )
    list.start()
    await expect.poll(() => database.listeners.size).toBe(1)
    await list.close()
    expect(database.listeners.size).toBe(0)
  })
})
