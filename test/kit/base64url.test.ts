import { afterEach, describe, expect, test, vi } from 'vitest'
import { decodeBase64url, encodeBase64url, readBase64url } from '../../src/kit/base64url.ts'

afterEach(() => {
  vi.unstubAllGlobals()
})

describe('base64url', () => {
  test.each(['A', 'AA=', 'AA==', 'AB', 'A A', 'AA\n', 'A+', 'A/', '\u0000'])(
    'refuses the malformed text %j',
    (text) => {
      expect(readBase64url(text)).toBeUndefined()
    },
  )

  test.each(['node', 'elsewhere'])('encodes and decodes every byte (%s)', (runtime) => {
    if (runtime === 'elsewhere') vi.stubGlobal('Buffer', undefined)
    const every = Uint8Array.from({ length: 256 }, (_, index) => index)
    for (const bytes of [every, every.subarray(0, 255), every.subarray(0, 254)]) {
      const text = encodeBase64url(bytes)
      expect(readBase64url(text)).toEqual(bytes)
      expect(Uint8Array.from(decodeBase64url(text))).toEqual(bytes)
    }
  })

  test('decoded bytes share no memory with anything else', () => {
    expect(readBase64url('AAAA')?.buffer.byteLength).toBe(3)
  })
})
