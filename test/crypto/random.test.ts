import { describe, expect, test } from 'vitest'
import { decodeBase64, decodeBase64Url, encodeBase64Url } from '../../src/crypto/base64.ts'
import { sha256Base64Url as sha256OnNode } from '../../src/crypto/digest.node.ts'
import { sha256Base64Url } from '../../src/crypto/digest.ts'
import { newId, randomBase62, randomToken } from '../../src/crypto/random.ts'

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
    // Expected 10 000 each, standard deviation 99: six of them on either side. Taking bytes modulo 62 would put 12 110 on the first ones.
    for (const count of counts.values()) expect(Math.abs(count - 10_000)).toBeLessThan(600)
  })

  test('a token holds the asked number of bytes and no two are alike', () => {
    expect(decodeBase64Url(randomToken())).toHaveLength(16)
    expect(decodeBase64Url(randomToken(32))).toHaveLength(32)
    expect(new Set(Array.from({ length: 10_000 }, () => randomToken())).size).toBe(10_000)
  })

  test('ids carry their prefix and sort in the order in which they were made', () => {
    const ids = Array.from({ length: 5_000 }, () => newId('key'))
    expect(ids[0]).toMatch(/^key_[0-9a-f]{12}7[0-9a-f]{3}[89ab][0-9a-f]{15}$/)
    expect([...ids].sort()).toEqual(ids)
    expect(new Set(ids).size).toBe(ids.length)
  })
})

describe('digest', () => {
  // FIPS 180-4 examples, in base64url.
  test.each([
    ['', '47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU'],
    ['abc', 'ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0'],
  ])('SHA-256 of %j is the published one, on every runtime', async (text, digest) => {
    expect(await sha256Base64Url(text)).toBe(digest)
    expect(sha256OnNode(text)).toBe(digest)
  })

  test('both runtimes hash the same bytes of text beyond ASCII', async () => {
    for (const text of ['é', '🔑', '\u0000', '\ud800', 'x'.repeat(100_000)])
      expect(sha256OnNode(text)).toBe(await sha256Base64Url(text))
  })
})

describe('base64', () => {
  test.each(['A', 'AA=', 'AA==', 'AB', 'A A', 'AA\n', 'A+', 'A/', '\u0000'])(
    'base64url refuses the spelling %j',
    (text) => {
      expect(decodeBase64Url(text)).toBeUndefined()
    },
  )

  test.each(['AA', 'AB==', 'AA=', 'A-==', ' AA==', 'AA==\n', '='])('base64 refuses the spelling %j', (text) => {
    expect(decodeBase64(text)).toBeUndefined()
  })

  test('every byte survives', () => {
    const bytes = Uint8Array.from({ length: 256 }, (_, index) => index)
    expect(decodeBase64Url(encodeBase64Url(bytes))).toEqual(bytes)
    expect(decodeBase64('AP8=')).toEqual(new Uint8Array([0, 255]))
  })
})
