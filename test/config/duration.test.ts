import { describe, expect, test } from 'vitest'
import { formatDuration, formatMilliseconds, parseDuration, parseMilliseconds } from '../../src/config/duration.ts'

describe('a duration', () => {
  test.each<[string, number]>([
    ['0', 0],
    ['900', 900],
    ['90s', 90],
    ['15m', 900],
    ['24h', 86_400],
    ['90d', 7_776_000],
    ['999999999', 999_999_999],
  ])('%s is %i seconds', (text, seconds) => {
    expect(parseDuration(text)).toBe(seconds)
  })

  test.each(['', 'm', '1.5h', '-1', '+1', ' 1', '1 h', '1w', '1H', '1h30m', '1e3', '1234567890', '1h\n'])(
    '%j is refused',
    (text) => {
      expect(parseDuration(text)).toBeUndefined()
    },
  )

  test.each<[number, string]>([
    [0, '0'],
    [59, '59s'],
    [90, '90s'],
    [900, '15m'],
    [5400, '90m'],
    [86_400, '1d'],
    [90_000, '25h'],
  ])('%i seconds are written as %s', (seconds, text) => {
    expect(formatDuration(seconds)).toBe(text)
    expect(parseDuration(text)).toBe(seconds)
  })

  test.each<[string, number | undefined]>([
    ['1500ms', 1500],
    ['200ms', 200],
    ['3s', 3000],
    ['3', 3000],
    ['2m', 120_000],
    ['1.5s', undefined],
    ['1500 ms', undefined],
    ['1500MS', undefined],
  ])('of a deadline, %s, is %s milliseconds', (text, milliseconds) => {
    expect(parseMilliseconds(text)).toBe(milliseconds)
  })

  test.each<[number, string]>([
    [1500, '1500ms'],
    [2000, '2s'],
    [60_000, '1m'],
  ])('%i milliseconds are written as %s', (milliseconds, text) => {
    expect(formatMilliseconds(milliseconds)).toBe(text)
    expect(parseMilliseconds(text)).toBe(milliseconds)
  })
})
