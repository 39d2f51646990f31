import { crc32 } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { apiKeyHint, generateApiKey, mayBeForeignSecret, parseApiKey } from '../../src/api-keys/format.ts'

describe('a new secret', () => {
  test.each(['live', 'test'] as const)(
    'says that it is our key, for %s, in letters that need no escaping',
    (environment) => {
      const secret = generateApiKey(environment)
      expect(secret).toMatch(new RegExp(`^mk_${environment}_[0-9A-Za-z]{49}$`))
      expect(encodeURIComponent(secret)).toBe(secret)
      expect(parseApiKey(secret)).toEqual({ environment, prefix: 'mk' })
    },
  )

  test('is never generated twice', () => {
    const secrets = Array.from({ length: 1000 }, () => generateApiKey('live'))
    expect(new Set(secrets).size).toBe(1000)
  })

  test('ends in the standard CRC-32', () => {
    for (let round = 0; round < 200; round += 1) {
      const secret = generateApiKey('live')
      expect(base62Value(secret.slice(-6))).toBe(crc32(secret.slice(0, -6)))
    }
  })

  test('reveals only four of its characters as a hint', () => {
    const secret = generateApiKey('test')
    expect(apiKeyHint(secret)).toBe(secret.slice(-10, -6))
  })
})

describe('text that is not one of our keys is recognised without a lookup', () => {
  const secret = generateApiKey('live')
  const body = secret.slice(0, -6)

  test('a change of any single character', () => {
    for (let index = 0; index < secret.length; index += 1) {
      const other = secret[index] === 'x' ? 'y' : 'x'
      expect(parseApiKey(secret.slice(0, index) + other + secret.slice(index + 1)), `at ${index}`).toBeUndefined()
    }
  })

  test.each([
    ['nothing', ''],
    ['a live key respelled as a test key', secret.replace('mk_live_', 'mk_test_')],
    ['another environment', secret.replace('mk_live_', 'mk_prod_')],
    ['upper case', secret.toUpperCase()],
    ['a wrong checksum', `${body}000000`],
    ['a key without its checksum', body],
    ['a key cut short', secret.slice(0, -1)],
    ['a key with an extra character', `${secret}0`],
    ['a leading space', ` ${secret}`],
    ['a trailing line break', `${secret}\n`],
    ['a NUL inside', `${secret.slice(0, 20)}\0${secret.slice(21)}`],
    ['full-width letters that fold to ASCII', secret.replace('mk_', 'ｍｋ_')],
    ['a dotted capital I', secret.replace('mk_live_', 'mk_lİve_')],
    ['a hash of a key', 'n4bQgYhMfWWaL-qgxVrQFaO_TxsrC4Is0V1sFbDwCgg'],
    ['a JWT', 'eyJhbGciOiJFUzI1NiJ9.e30.c2ln'],
  ])('%s', (_, text) => {
    expect(parseApiKey(text)).toBeUndefined()
  })

  test('a megabyte is refused by its length', () => {
    expect(parseApiKey(`mk_live_${'a'.repeat(1_000_000)}`)).toBeUndefined()
  })
})

describe('R142 a custom prefix', () => {
  test.each(['a1', 'acme', 'sixteenletters16'])('%s is read back from a new secret', (prefix) => {
    const secret = generateApiKey('test', prefix)
    expect(secret).toMatch(new RegExp(`^${prefix}_test_[0-9A-Za-z]{49}$`))
    expect(parseApiKey(secret, ['mk', prefix])).toEqual({ environment: 'test', prefix })
  })

  test('that is not, or no longer, among those of the service makes the key unknown', () => {
    expect(parseApiKey(generateApiKey('live', 'acme'), ['mk', 'acm', 'acme1'])).toBeUndefined()
  })

  test('is covered by the checksum', () => {
    const secret = generateApiKey('live', 'acme')
    expect(parseApiKey(secret.replace('acme_', 'mk_'), ['mk', 'acme'])).toBeUndefined()
  })
})

describe('an imported secret', () => {
  test.each([
    'a',
    'sk_live_51H8abcDEF',
    '!"#$%&~',
    generateApiKey('live', 'other'),
    'x'.repeat(256),
    'a.b.c',
    'mk_',
    'mk_prod_1',
  ])('may be %j', (text) => {
    expect(mayBeForeignSecret(text)).toBe(true)
  })

  test.each([
    '',
    ' ',
    'a b',
    'a\0',
    'ä',
    'a\n',
    '\u007f',
    'x'.repeat(257),
    'x'.repeat(1_000_000),
    'mk_live_',
    `mk_test_${'a'.repeat(49)}`,
  ])('cannot be %j', (text) => {
    expect(mayBeForeignSecret(text)).toBe(false)
  })
})

function base62Value(text: string): number {
  const digits = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
  return [...text].reduce((value, digit) => value * 62 + digits.indexOf(digit), 0)
}

describe('a secret inside other text', () => {
  test.each([
    (secret: string) => `x${secret.replace('mk', 'MK')}`,
    (secret: string) => ` ${secret}`,
    (secret: string) => `${secret}\n`,
    (secret: string) => `${secret}0`,
    (secret: string) => `-${secret}`,
  ])('is not a secret: %s', (surround) => {
    const text = surround(generateApiKey('live'))
    expect(parseApiKey(text, ['mk', 'x', '', ' mk', '-mk', text.slice(0, 3)])).toBeUndefined()
  })

  test('starting with one of our prefixes is a typing error; ending with one may be an imported secret', () => {
    for (const text of ['mk_live_x', 'old_test_x', 'old_live_'])
      expect(mayBeForeignSecret(text, ['mk', 'old'])).toBe(false)
    for (const text of ['x_mk_live_', 'sk_live_mk_live_', 'old-live_'])
      expect(mayBeForeignSecret(text, ['mk', 'old'])).toBe(true)
  })
})

describe('a text with the right checksum', () => {
  /** Anyone can compute a checksum over any text. */
  function checksummed(body: string): string {
    let rest = crc32(body)
    let sum = ''
    for (let place = 0; place < 6; place += 1) {
      sum = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'.charAt(rest % 62) + sum
      rest = Math.floor(rest / 62)
    }
    return body + sum
  }

  test('is read when everything else is right', () => {
    expect(parseApiKey(checksummed(`mk_live_${'a'.repeat(43)}`))).toEqual({ environment: 'live', prefix: 'mk' })
  })

  test.each([
    `mk_prod_${'a'.repeat(43)}`,
    `mk_LIVE_${'a'.repeat(43)}`,
    `mk_live_${'a'.repeat(42)}!`,
    `mk_live_${'a'.repeat(42)}_`,
    `mk-live-${'a'.repeat(43)}`,
    `mk_live_${' '.repeat(43)}`,
    `mk_live_${'a'.repeat(42)}é`,
  ])('%s is not one of our keys even so', (body) => {
    expect(parseApiKey(checksummed(body))).toBeUndefined()
  })
})
