import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from 'jose'
import { describe, expect, test } from 'vitest'
import { systemPrincipal } from '../../src/access/principal.ts'
import { createApp } from '../../src/app.ts'
import { remoteKeySet } from '../../src/kit/key-sets/remote-key-set.ts'
import { memoryRevocationList } from '../../src/kit/revocation/memory.ts'
import { createAccessTokenVerifier } from '../../src/kit/verifier.ts'
import { checkReadiness } from '../../src/readiness.ts'
import type { Services } from '../../src/services.ts'
import { replaceSigningKey } from '../../src/signing-keys/replace.ts'
import { rotateSigningKey } from '../../src/signing-keys/rotate.ts'
import { type MovableClock, movableClock } from '../support/clock.ts'
import { databaseKinds } from '../support/databases.ts'
import { secondInstance } from '../support/second-instance.ts'
import { issuer, startTestService, type TestService } from '../support/test-service.ts'

const token = { purpose: 'token' } as const
const leadSeconds = 1 + 300 + 600 + 30

/** An access token from one instance, by that instance's clock. */
async function issue(services: Services, secret: string): Promise<string> {
  const answer = await createApp(() => services).request('/token', { method: 'POST', headers: { 'x-api-key': secret } })
  expect(answer.status).toBe(200)
  return (await answer.json()).access_token
}

/** Another instance over the same database, with its own clock. */
const instance = (service: TestService, clock: MovableClock) =>
  secondInstance(service, service.database, clock.now).services

/** A verifier behind a cache that always returns the same copy of the key set. */
function behindCache(service: TestService, copy: string) {
  const keys = remoteKeySet({
    issuer,
    jwksUrl: `${issuer}/.well-known/jwks.json`,
    now: service.clock.now,
    fetch: async () => new Response(copy, { headers: { 'content-type': 'application/jwk-set+json' } }),
  })
  return createAccessTokenVerifier({
    issuer,
    audience: `${issuer}/api`,
    keys,
    revocations: memoryRevocationList(),
    now: service.clock.now,
  })
}

const outcome = async (verification: Promise<unknown>) =>
  await verification.then(
    () => 'accepted',
    (error: unknown) => `${Object(error).code}`,
  )

describe('A58 · an old copy of the key set, kept for a day by a cache', () => {
  async function cached() {
    const service = await startTestService('embedded', { emptied: true })
    const { secret } = await service.createKey()
    const copy = await (await service.request('/.well-known/jwks.json')).text()
    const { verify } = behindCache(service, copy)
    const check = async () => await outcome((async () => await verify(await issue(service.services, secret)))())
    return { service, check }
  }

  test('A58 · still verifies tokens of the next key, which was published before it signed', async () => {
    const { service, check } = await cached()
    service.clock.advance(86_400)
    await rotateSigningKey(service.services, systemPrincipal, token)
    expect(await check()).toBe('accepted')
  })

  test('A58 · lacks only a key that skipped the publish lead: forced twice, or fresh', async () => {
    const forced = await cached()
    for (const _ of [1, 2]) {
      forced.service.clock.advance(1)
      await rotateSigningKey(forced.service.services, systemPrincipal, { ...token, force: true })
    }
    forced.service.clock.advance(1)
    expect(await forced.check()).not.toBe('accepted')
    const fresh = await cached()
    fresh.service.clock.advance(1)
    await replaceSigningKey(fresh.service.services, systemPrincipal, { ...token, distrustPending: true })
    expect(await fresh.check()).not.toBe('accepted')
  })

  test('A58 · gets a max-age within the publish lead, even from an instance that is cut off from its database', async () => {
    const service = await startTestService('embedded')
    const maxAge = async () => {
      const { headers } = await service.request('/.well-known/jwks.json')
      return Number(/max-age=(\d+)/.exec(headers.get('cache-control') ?? '')?.[1])
    }
    expect(await maxAge()).toBe(300)
    await service.database.close()
    for (const [seconds, left] of [
      [1, 300],
      [100, 200],
      [199, 1],
      [3600, 0],
    ] as const) {
      service.clock.advance(seconds)
      expect(await maxAge()).toBe(left)
    }
  })
})

describe('A62 · a record key that leaked', () => {
  test('A62 · is trusted by no reader after its replacement, although its set lists it for ever', async () => {
    const service = await startTestService('embedded', { emptied: true })
    const keys = () =>
      remoteKeySet({
        issuer,
        jwksUrl: `${issuer}/.well-known/record-keys.json`,
        now: service.clock.now,
        fetch: async () => await service.request('/.well-known/record-keys.json'),
      })
    const leaked = (await service.services.keyring.signer('record')).kid
    expect(await keys().find(leaked)).toBeDefined()
    const { active } = await replaceSigningKey(service.services, systemPrincipal, { purpose: 'record' })
    service.clock.advance(1)
    expect(await (await service.request('/.well-known/record-keys.json')).text()).toContain(leaked)
    expect(await keys().find(leaked)).toBeUndefined()
    expect(await keys().find(active?.kid ?? '')).toBeDefined()
  })
})

describe.each(databaseKinds)('A54 · clocks that disagree, on %s', (kind) => {
  test.each([-3600, -300, 300, 3600])(
    'A54 · an instance that is %i s off says so, signs with a published key, and none of its tokens outlives exp',
    async (skew) => {
      const service = await startTestService(kind, { emptied: true })
      const { secret } = await service.createKey()
      const { clock, services } = service
      // The activation falls between the two clocks.
      clock.set(new Date(Math.max(Date.now(), clock.now().getTime() + leadSeconds * 1000)))
      const skewed = movableClock(new Date(clock.now().getTime() + skew * 1000))
      const elsewhere = instance(service, skewed)
      await rotateSigningKey(services, systemPrincipal, token)
      const { checks } = await checkReadiness(elsewhere)
      expect(checks.database).toMatchObject({ state: 'failed', reason: expect.stringContaining('clock') })

      const text = await issue(elsewhere, secret)
      const set: JSONWebKeySet = await (await service.request('/.well-known/jwks.json')).json()
      const verifyAt = async (at: Date) =>
        await outcome(jwtVerify(text, createLocalJWKSet(set), { issuer, currentDate: at, clockTolerance: 30 }))
      const { payload } = await jwtVerify(text, createLocalJWKSet(set), { issuer, currentDate: skewed.now() })
      const expires = new Date((payload.exp ?? 0) * 1000)
      expect(await verifyAt(new Date(expires.getTime() + 30_000))).not.toBe('accepted')
      expect(expires.getTime() - skewed.now().getTime()).toBeLessThanOrEqual(services.config.tokenTtlSeconds * 1000)
    },
  )

  test('A54 · an instance whose clock is set back after an activation signs with the previous key until the clock is right again', async () => {
    const service = await startTestService(kind, { emptied: true })
    const { secret } = await service.createKey()
    const { clock, services } = service
    clock.advance(leadSeconds)
    const previous = (await services.keyring.signer('token')).kid
    const { kid } = await rotateSigningKey(services, systemPrincipal, token)
    const published = async () => {
      const { keys }: { keys: { kid: string }[] } = await (await service.request('/.well-known/jwks.json')).json()
      return keys.map((key) => key.kid)
    }
    clock.advance(-300)
    expect((await services.keyring.signer('token')).kid).toBe(previous)
    expect(await published()).toContain(previous)
    const early = await issue(services, secret)
    clock.advance(300)
    expect((await services.keyring.signer('token')).kid).toBe(kid)
    expect(await outcome((async () => await services.verifier.verify(early))())).toBe('accepted')
    clock.advance(services.config.tokenTtlSeconds + 30)
    expect(await outcome((async () => await services.verifier.verify(early))())).toBe('invalid_token')
  })
})
