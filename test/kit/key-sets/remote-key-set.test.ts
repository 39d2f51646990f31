import { beforeAll, describe, expect, test } from 'vitest'
import { remoteKeySet } from '../../../src/kit/key-sets/remote-key-set.ts'
import { createRemoteIssuer, createRemoteKeys } from '../../support/remote-issuer.ts'
import { createTestIssuer, issuerUrl, type TestIssuer } from '../../support/test-issuer.ts'

let one: TestIssuer
let two: TestIssuer
beforeAll(async () => {
  one = await createTestIssuer('ES256', 'one')
  two = await createTestIssuer('ES256', 'two')
})

const unavailable = { code: 'unavailable', reason: 'keys_unavailable' }

describe('a remote key set', () => {
  test('fetches nothing before its first use, then the metadata and the set once', async () => {
    const issuer = createRemoteIssuer([one.publicJwk])
    const { keys } = createRemoteKeys(issuer)
    expect(issuer.requests).toEqual([])
    const found = await Promise.all(Array.from({ length: 50 }, () => keys.find('one')))
    expect(found.map((key) => key?.kid)).toEqual(Array(50).fill('one'))
    expect(issuer.requests.map(({ url }) => url)).toEqual([
      `${issuerUrl}/.well-known/oauth-authorization-server`,
      `${issuerUrl}/.well-known/jwks.json`,
    ])
  })

  test('answers synchronously while it is fresh', async () => {
    const { keys } = createRemoteKeys(createRemoteIssuer([one.publicJwk]))
    await keys.ready?.()
    expect(keys.find('one')).toMatchObject({ kid: 'one', algorithm: 'ES256' })
    expect(keys.holds('one')).toBe(true)
    expect(keys.holds('two')).toBe(false)
  })

  test('uses a configured jwksUrl without fetching metadata', async () => {
    const issuer = createRemoteIssuer([one.publicJwk])
    const { keys } = createRemoteKeys(issuer, { jwksUrl: `${issuerUrl}/.well-known/jwks.json` })
    await keys.ready?.()
    expect(issuer.requests).toHaveLength(1)
  })

  test('a withdrawn key is gone when the set reaches its maximum age', async () => {
    const issuer = createRemoteIssuer([one.publicJwk, two.publicJwk])
    const { clock, keys } = createRemoteKeys(issuer)
    await keys.ready?.()
    issuer.keys = [two.publicJwk]
    clock.seconds += 300
    expect(keys.holds('one')).toBe(false)
    expect(await keys.find('one')).toBeUndefined()
    expect(await keys.find('two')).toMatchObject({ kid: 'two' })
  })

  test('is refreshed from three quarters of its age on, and keeps answering meanwhile', async () => {
    const issuer = createRemoteIssuer([one.publicJwk])
    const { clock, keys, settled } = createRemoteKeys(issuer)
    await keys.ready?.()
    clock.seconds += 224
    expect(keys.find('one')).toMatchObject({ kid: 'one' })
    expect(issuer.fetches()).toHaveLength(1)
    clock.seconds += 2
    for (let index = 0; index < 10; index += 1) expect(keys.holds('one')).toBe(true)
    await settled()
    expect(issuer.fetches().map(({ noCache }) => noCache)).toEqual([true, false])
    clock.seconds += 200
    expect(keys.holds('one')).toBe(true)
  })

  test.each([
    ['max-age=60', undefined, 60],
    ['public, max-age=120, stale-while-revalidate=60', undefined, 120],
    ['max-age=100', '70', 30],
    ['max-age=100', '1000', 10],
    ['s-maxage=5', undefined, 300],
    ['max-age=99999', undefined, 300],
    ['no-store', undefined, 300],
  ])('with Cache-Control %s and Age %s it is fresh for %i seconds', async (cacheControl, age, seconds) => {
    const issuer = createRemoteIssuer([one.publicJwk])
    issuer.headers = { 'cache-control': cacheControl, ...(age === undefined ? {} : { age }) }
    const { clock, keys } = createRemoteKeys(issuer)
    await keys.ready?.()
    clock.seconds += seconds - 0.5
    expect(keys.holds('one')).toBe(true)
    clock.seconds += 0.5
    expect(keys.holds('one')).toBe(false)
  })

  test('serves the last set for one more hour while the issuer is unreachable, then is unavailable', async () => {
    const issuer = createRemoteIssuer([one.publicJwk])
    const { clock, keys, settled } = createRemoteKeys(issuer)
    await keys.ready?.()
    issuer.isAway = true
    clock.seconds += 300
    expect(await keys.find('one')).toMatchObject({ kid: 'one' })
    const attempts = issuer.fetches().length
    expect(keys.find('one')).toMatchObject({ kid: 'one' })
    expect(keys.holds('one')).toBe(true)
    expect(issuer.fetches()).toHaveLength(attempts)
    clock.seconds += 3599
    expect(await keys.find('one')).toMatchObject({ kid: 'one' })
    clock.seconds += 1
    expect(keys.holds('one')).toBe(false)
    await settled()
    await expect(keys.find('one')).rejects.toMatchObject(unavailable)
    issuer.isAway = false
    clock.seconds += 10
    expect(await keys.find('one')).toMatchObject({ kid: 'one' })
  })

  test('retries once per cool-down while the issuer is unreachable, and no call waits for it', async () => {
    const issuer = createRemoteIssuer([one.publicJwk])
    const { clock, keys, settled } = createRemoteKeys(issuer)
    await keys.ready?.()
    issuer.isAway = true
    clock.seconds += 300
    await keys.find('one')
    const before = issuer.requests.length
    for (let round = 0; round < 6; round += 1) {
      clock.seconds += 5
      for (let index = 0; index < 100; index += 1) expect(keys.find('one')).toMatchObject({ kid: 'one' })
      await settled()
    }
    expect(issuer.requests.length - before).toBe(3)
  })

  test('an outage in the past does not make an expired set usable', async () => {
    const issuer = createRemoteIssuer([one.publicJwk])
    const { clock, keys } = createRemoteKeys(issuer)
    await keys.ready?.()
    issuer.isAway = true
    clock.seconds += 300
    await keys.find('one')
    issuer.isAway = false
    issuer.keys = [two.publicJwk]
    clock.seconds += 600
    expect(keys.holds('one')).toBe(false)
    expect(await keys.find('one')).toBeUndefined()
  })

  test('is unavailable without any set, and retries after a second', async () => {
    const issuer = createRemoteIssuer([one.publicJwk])
    issuer.isAway = true
    const { clock, keys } = createRemoteKeys(issuer)
    await expect(keys.find('one')).rejects.toMatchObject(unavailable)
    await expect(keys.find('one')).rejects.toMatchObject({ ...unavailable, retryAfterSeconds: 1 })
    expect(issuer.requests).toHaveLength(1)
    issuer.isAway = false
    clock.seconds += 1
    expect(await keys.find('one')).toMatchObject({ kid: 'one' })
  })

  test('does not use keys from the metadata of another issuer', async () => {
    const issuer = createRemoteIssuer([one.publicJwk])
    issuer.metadata = { issuer: 'https://evil.example', jwks_uri: `${issuerUrl}/.well-known/jwks.json` }
    const { keys } = createRemoteKeys(issuer)
    await expect(keys.find('one')).rejects.toMatchObject(unavailable)
    expect(issuer.fetches()).toEqual([])
  })

  test('finds a set that moved through the metadata', async () => {
    const issuer = createRemoteIssuer([one.publicJwk])
    issuer.metadata = { issuer: issuerUrl, jwks_uri: `${issuerUrl}/old` }
    const { clock, keys } = createRemoteKeys(issuer)
    await expect(keys.find('one')).rejects.toMatchObject(unavailable)
    issuer.metadata = { issuer: issuerUrl, jwks_uri: `${issuerUrl}/.well-known/jwks.json` }
    clock.seconds += 1
    expect(await keys.find('one')).toMatchObject({ kid: 'one' })
  })

  test('setting the clock back does not keep an old set alive', async () => {
    const issuer = createRemoteIssuer([one.publicJwk])
    const { clock, keys } = createRemoteKeys(issuer)
    await keys.ready?.()
    clock.seconds -= 3600
    expect(keys.holds('one')).toBe(false)
    expect(await keys.find('one')).toMatchObject({ kid: 'one' })
    expect(issuer.fetches()).toHaveLength(2)
  })

  test('if requests may not wait for each other, each fetches for itself until one has the set', async () => {
    const issuer = createRemoteIssuer([one.publicJwk])
    const { clock, keys } = createRemoteKeys(issuer, { sharesWork: false })
    await Promise.all([keys.find('one'), keys.find('one'), keys.find('one')])
    expect(issuer.fetches()).toHaveLength(3)
    clock.seconds += 299
    expect(keys.find('one')).toMatchObject({ kid: 'one' })
    expect(issuer.fetches()).toHaveLength(3)
    issuer.isAway = true
    clock.seconds += 1
    expect(await keys.find('one')).toMatchObject({ kid: 'one' })
  })

  test.each([
    [{ maximumAgeSeconds: -1 }],
    [{ coolDownSeconds: Number.NaN }],
    [{ staleSeconds: Number.POSITIVE_INFINITY }],
    [{ timeoutMilliseconds: 0 }],
    [{ jwksUrl: 'http://auth.example/jwks' }],
    [{ issuer: 'auth.example' }],
    [{ algorithms: [] }],
  ])('options %j are refused at construction', (options) => {
    expect(() => remoteKeySet({ issuer: issuerUrl, ...options })).toThrow(TypeError)
  })
})

describe('a kid that is not in the set', () => {
  test('is fetched past all caches, and found if it is new', async () => {
    const issuer = createRemoteIssuer([one.publicJwk])
    const { clock, keys } = createRemoteKeys(issuer)
    await keys.ready?.()
    clock.seconds += 30
    issuer.keys = [one.publicJwk, two.publicJwk]
    expect(await keys.find('two')).toMatchObject({ kid: 'two' })
    expect(issuer.fetches().at(-1)?.noCache).toBe(true)
  })

  test('is unavailable while no fetch is allowed, and the error says for how long', async () => {
    const { clock, keys } = createRemoteKeys(createRemoteIssuer([one.publicJwk]))
    await keys.ready?.()
    clock.seconds += 30
    expect(await keys.find('nobody')).toBeUndefined()
    clock.seconds += 4
    await expect(keys.find('somebody')).rejects.toMatchObject({ ...unavailable, retryAfterSeconds: 6 })
  })

  test('is unknown once a fetch has shown that it does not exist', async () => {
    const issuer = createRemoteIssuer([one.publicJwk])
    const { clock, keys } = createRemoteKeys(issuer)
    await keys.ready?.()
    clock.seconds += 30
    expect(await keys.find('nobody')).toBeUndefined()
    const fetches = issuer.fetches().length
    expect(keys.find('nobody')).toBeUndefined()
    expect(issuer.fetches()).toHaveLength(fetches)
    clock.seconds += 10
    expect(await keys.find('nobody')).toBeUndefined()
    expect(issuer.fetches()).toHaveLength(fetches + 1)
  })

  test('is still remembered as unknown after a flood of others', async () => {
    const { clock, keys } = createRemoteKeys(createRemoteIssuer([one.publicJwk]))
    await keys.ready?.()
    clock.seconds += 30
    await Promise.all(Array.from({ length: 1000 }, (_, index) => keys.find(`flood-${index}`)))
    clock.seconds += 10
    expect(await keys.find('nobody')).toBeUndefined()
    expect(keys.find('nobody')).toBeUndefined()
  })

  test('is unavailable, not invalid, if the fetch fails', async () => {
    const issuer = createRemoteIssuer([one.publicJwk])
    const { clock, keys } = createRemoteKeys(issuer)
    await keys.ready?.()
    clock.seconds += 30
    issuer.isAway = true
    await expect(keys.find('two')).rejects.toMatchObject(unavailable)
    expect(keys.find('one')).toMatchObject({ kid: 'one' })
  })
})
