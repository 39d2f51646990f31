import { describe, expect, test } from 'vitest'
import { type Activation, activePeriods, nextActivation, periodAt } from '../../src/signing-keys/activations.ts'
import {
  activationSafeAt,
  keySetMaxAgeSeconds,
  keyTiming,
  retiresAt,
  signingKeyState,
} from '../../src/signing-keys/lifecycle.ts'

const origin = Date.UTC(2026, 0, 1)
const at = (seconds: number) => new Date(origin + seconds * 1000)
const activation = (sequence: number, kid: string, seconds: number): Activation => ({
  sequence,
  kid,
  activatesAt: at(seconds),
})
const key = (kid: string, publishedSeconds: number, revokedSeconds?: number) => ({
  kid,
  publishedAt: at(publishedSeconds),
  revokedAt: revokedSeconds === undefined ? null : at(revokedSeconds),
})

const config = {
  jwksMaxAgeSeconds: 300,
  verifierRefreshSeconds: 600,
  clockToleranceSeconds: 30,
  maxTokenTtlSeconds: 3600,
}
const timing = keyTiming(config, 3600)

describe('timing', () => {
  test('before it signs, a key is published for one cached second, max-age, verifier refresh and the clock tolerance', () => {
    expect(timing.publishLeadSeconds).toBe(1 + 300 + 600 + 30)
    expect(activationSafeAt(key('a', 100), timing)).toEqual(at(100 + 931))
  })

  test('after it signed, a key stays published for a slow clock, the largest token lifetime, the tolerance of verifiers and max-age', () => {
    expect(timing.retentionSeconds).toBe(30 + 3600 + 30 + 300)
  })

  test('a token lifetime that was ever configured counts for ever', () => {
    expect(keyTiming({ ...config, maxTokenTtlSeconds: 60 }, 86_400).retentionSeconds).toBe(30 + 86_400 + 30 + 300)
    expect(keyTiming({ ...config, maxTokenTtlSeconds: 86_400 }, 60).retentionSeconds).toBe(30 + 86_400 + 30 + 300)
  })
})

describe('active periods', () => {
  const end = Number.POSITIVE_INFINITY
  const ms = (seconds: number) => origin + seconds * 1000
  test.each<[string, Activation[], [string, number, number][]]>([
    ['no activation', [], []],
    ['one key', [activation(1, 'a', 0)], [['a', 0, end]]],
    [
      'one after the other',
      [activation(1, 'a', 0), activation(2, 'b', 10)],
      [
        ['a', 0, 10],
        ['b', 10, end],
      ],
    ],
    [
      'brought forward: the planned activation is overtaken',
      [activation(1, 'a', 0), activation(2, 'b', 100), activation(3, 'b', 10)],
      [
        ['a', 0, 10],
        ['b', 10, end],
      ],
    ],
    [
      'brought forward to the same time: the higher sequence wins',
      [activation(1, 'a', 0), activation(2, 'b', 10), activation(3, 'c', 10)],
      [
        ['a', 0, 10],
        ['c', 10, end],
      ],
    ],
    [
      'a rollback gives a key two periods',
      [activation(1, 'a', 0), activation(2, 'b', 10), activation(3, 'a', 20)],
      [
        ['a', 0, 10],
        ['b', 10, 20],
        ['a', 20, end],
      ],
    ],
    [
      'rows in any order',
      [activation(3, 'c', 20), activation(1, 'a', 0), activation(2, 'b', 10)],
      [
        ['a', 0, 10],
        ['b', 10, 20],
        ['c', 20, end],
      ],
    ],
  ])('%s', (_name, activations, expected) => {
    expect(activePeriods(activations)).toEqual(
      expected.map(([kid, from, until]) => ({ kid, from: ms(from), until: until === end ? end : ms(until) })),
    )
  })

  test('from the first activation on there is always exactly one active key, whatever the history', () => {
    for (let round = 0; round < 500; round++) {
      const history = Array.from({ length: 8 }, (_, index) =>
        activation(index + 1, `k${index}`, Math.floor(Math.random() * 20)),
      )
      const periods = activePeriods(history)
      for (let second = 0; second < 25; second++) {
        const come = history.filter(({ activatesAt }) => activatesAt <= at(second))
        const highest = come.toSorted((a, b) => b.sequence - a.sequence)[0]
        expect(periods.filter(({ from, until }) => from <= ms(second) && ms(second) < until)).toHaveLength(
          come.length > 0 ? 1 : 0,
        )
        expect(periodAt(periods, ms(second))?.kid).toBe(highest?.kid)
      }
    }
  })
})

describe('the next activation', () => {
  test('takes the next sequence and the wanted time', () => {
    expect(nextActivation([activation(1, 'a', 0)], 'b', at(50), at(10))).toEqual(activation(2, 'b', 50))
    expect(nextActivation([], 'a', at(50), at(50))).toEqual(activation(1, 'a', 50))
  })

  test('takes effect only after the active key was activated, even if the clock was set back', () => {
    const history = [activation(1, 'a', 0), activation(2, 'b', 10)]
    expect(nextActivation(history, 'c', at(10), at(10)).activatesAt.getTime()).toBe(at(10).getTime() + 1)
    expect(nextActivation(history, 'c', at(5), at(20)).activatesAt.getTime()).toBe(at(10).getTime() + 1)
  })
})

describe('state of a key', () => {
  const periods = activePeriods([activation(1, 'a', 0), activation(2, 'b', 1000), activation(3, 'c', 2000)])
  const retention = timing.retentionSeconds
  test.each<[string, ReturnType<typeof key>, number, string]>([
    ['published and never planned', key('x', 0), 5000, 'pending'],
    ['one second before its activation', key('b', 0), 999, 'pending'],
    ['at its activation', key('b', 0), 1000, 'active'],
    ['one second before it is followed', key('b', 0), 1999, 'active'],
    ['when it is followed', key('b', 0), 2000, 'retiring'],
    ['while its last token may be valid', key('b', 0), 2000 + retention - 1, 'retiring'],
    ['when its last token has expired', key('b', 0), 2000 + retention, 'retired'],
    ['the last one, however long', key('c', 0), 9_999_999, 'active'],
    ['revoked, even on a clock that is behind the one that revoked it', key('b', 0, 1500), 1499, 'revoked'],
    ['revoked before it ever signed', key('x', 0, 10), 10, 'revoked'],
    ['revoked and long gone', key('a', 0, 10), 9_999_999, 'revoked'],
  ])('%s', (_name, each, second, state) => {
    expect(signingKeyState(each, periods, timing, at(second))).toBe(state)
  })

  test('the retention of a key that was rolled back to counts from its last period', () => {
    const rolledBack = activePeriods([
      activation(1, 'a', 0),
      activation(2, 'b', 10),
      activation(3, 'a', 20),
      activation(4, 'c', 5000),
    ])
    expect(retiresAt(key('a', 0), rolledBack, timing)).toEqual(at(5000 + retention))
    expect(signingKeyState(key('a', 0), rolledBack, timing, at(15))).toBe('retiring')
    expect(signingKeyState(key('a', 0), rolledBack, timing, at(25))).toBe('active')
  })

  test('a key that will sign again stays published until then, however long', () => {
    const planned = activePeriods([activation(1, 'a', 0), activation(2, 'b', 10), activation(3, 'a', 1_000_000)])
    expect(signingKeyState(key('a', 0), planned, timing, at(900_000))).toBe('retiring')
  })

  test('a key is not retired while no key follows it', () => {
    expect(retiresAt(key('c', 0), periods, timing)).toBeNull()
    expect(retiresAt(key('x', 0), periods, timing)).toBeNull()
  })
})

describe('how long a copy of the key set may be kept', () => {
  test.each([
    [0, 300],
    [1, 300],
    [1.001, 299],
    [2, 299],
    [300.5, 0],
    [301, 0],
    [10_000, 0],
    [-5, 300],
  ])('that the database confirmed %d s ago: %d s, so that the publish lead is kept', (age, seconds) => {
    expect(keySetMaxAgeSeconds(config, age)).toBe(seconds)
  })
})
