import { describe, expect, test } from 'vitest'
import { decodeBase64, encodeBase64 } from '../../src/crypto/base64.ts'
import { newId, randomBase62, randomToken } from '../../src/crypto/random.ts'
import { readBase64url } from '../../src/kit/base64url.ts'

describe('random text', () => {
  test.each([0, 1, 6, 22, 43, 1000])(
    'base62 text has exactly the %i characters asked for, all of them letters and digits',
    (length) => {
      expect(randomBase62(length)).toMatch(new RegExp(`^[0-9A-Za-z]{${length}}$`))
    },
  )

  test('every base62 character comes up equally often', () => {
    const counts = new Map<string, number>()
    for (const character of randomBase62(620_000)) counts.set(character, (counts.get(character) ?? 0) + 1)
    expect(counts.size).toBe(62)
    // Expected 10,000 each with a standard deviation of 99: six of them on either side. Bytes modulo 62 would give
    // 12,110 for the first ones.
    for (const count of counts.values()) expect(Math.abs(count - 10_000)).toBeLessThan(600)
  })

  test('a token has the requested number of bytes, and no two are equal', () => {
    expect(readBase64url(randomToken())).toHaveLength(16)
    expect(readBase64url(randomToken(32))).toHaveLength(32)
    expect(new Set(Array.from({ length: 10_000 }, () => randomToken())).size).toBe(10_000)
  })

  test('ids begin with their prefix and sort in the order of creation', () => {
    const ids = Array.from({ length: 5_000 }, () => newId('key'))
    expect(ids[0]).toMatch(/^key_[0-9a-f]{12}7[0-9a-f]{3}[89ab][0-9a-f]{15}$/)
    expect([...ids].sort()).toEqual(ids)
    expect(new Set(ids).size).toBe(ids.length)
  })
})

describe('base64', () => {
  test.each(['AA', 'AB==', 'AA=', 'A-==', ' AA==', 'AA==\n', '='])('base64 refuses the malformed text %j', (text) => {
    expect(decodeBase64(text)).toBeUndefined()
  })

  test('every byte survives', () => {
    const bytes = Uint8Array.from({ length: 256 }, (_, index) => index)
    expect(decodeBase64(encodeBase64(bytes))).toEqual(bytes)
    expect(decodeBase64('AP8=')).toEqual(new Uint8Array([0, 255]))
  })
})
