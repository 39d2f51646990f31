import { afterEach, describe, expect, test, vi } from 'vitest'
import { sha256, sha256Hex } from '../../src/kit/digest.ts'

afterEach(() => {
  vi.restoreAllMocks()
  vi.resetModules()
})

/** The module as it loads in a runtime without node:crypto. */
async function loadElsewhere() {
  vi.resetModules()
  vi.spyOn(process, 'getBuiltinModule').mockReturnValue(undefined)
  return await import('../../src/kit/digest.ts')
}

describe('SHA-256', () => {
  // Examples from FIPS 180-4.
  test.each([
    [
      '',
      '47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU',
      'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
    ],
    [
      'abc',
      'ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0',
      'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
    ],
  ])('of %j matches the published digest, on every runtime', async (text, digest, hex) => {
    const elsewhere = await loadElsewhere()
    expect(sha256(text)).toBe(digest)
    expect(sha256Hex(text)).toBe(hex)
    expect(await elsewhere.sha256(text)).toBe(digest)
    expect(await elsewhere.sha256Hex(text)).toBe(hex)
  })

  test('hashes text beyond ASCII to the same bytes on every runtime', async () => {
    const elsewhere = await loadElsewhere()
    for (const text of ['é', '🔑', '\u0000', '\ud800', 'x'.repeat(100_000)]) {
      expect(elsewhere.sha256(text)).toBeInstanceOf(Promise)
      expect(sha256(text)).toBe(await elsewhere.sha256(text))
    }
  })
})
