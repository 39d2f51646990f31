import { afterEach, expect, test, vi } from 'vitest'
import { hashedName, hashedNamesOfToken } from '../../../src/kit/revocation/hashed-name.ts'
import { movableClock } from '../../support/clock.ts'
import { someToken } from '../../support/revocation-rules.ts'

afterEach(() => {
  vi.restoreAllMocks()
  vi.resetModules()
})

/** The module as it loads in a runtime without node:crypto, with or without `process`. */
async function loadElsewhere(hash: undefined | null) {
  vi.resetModules()
  if (hash === null) vi.stubGlobal('process', undefined)
  else vi.spyOn(process, 'getBuiltinModule').mockReturnValue(undefined)
  try {
    return await import('../../../src/kit/revocation/hashed-name.ts')
  } finally {
    vi.unstubAllGlobals()
  }
}

test.each([undefined, null])('a name has the same hash without node:crypto (%s)', async (hash) => {
  const elsewhere = await loadElsewhere(hash)
  for (const name of ['token:j', 'all:*', 'subject:org_1 Zoë', 'api_key:key_1', '']) {
    const promised = elsewhere.hashedName(name)
    expect(promised).toBeInstanceOf(Promise)
    expect(await promised).toBe(hashedName(name))
  }
  const token = someToken(movableClock(), { jti: 'j' })
  expect(await elsewhere.hashedNamesOfToken(token)).toEqual(await hashedNamesOfToken(token))
})
