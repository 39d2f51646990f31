import { exportJWK, generateKeyPair } from 'jose'
import { beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { systemPrincipal } from '../../src/access/principal.ts'
import { rotateSigningKey } from '../../src/signing-keys/operations.ts'
import { readIssuerMetadata } from '../../src/verify/metadata.ts'
import { remoteKeySet } from '../../src/verify/remote-key-set.ts'
import { exchange, partsOf } from '../support/oauth.ts'
import { issuer, startTestService, type TestService } from '../support/service.ts'

let service: TestService
let secret: string

beforeAll(async () => {
  service = await startTestService()
  secret = (await service.createKey()).secret
})

const keySet = z.object({ keys: z.array(z.object({ kid: z.string() }).loose()) })

async function publishedKids(): Promise<string[]> {
  return keySet.parse(await (await service.request('/.well-known/jwks.json')).json()).keys.map(({ kid }) => kid)
}

async function signingKid(): Promise<string> {
  return String(partsOf((await exchange(service, secret)).access_token).header.kid)
}

describe('the published key set over time', () => {
  test('R91 a key is published before it signs, longer than any verifier waits, and stays until nothing that it signed can live', async () => {
    const { jwksMaxAgeSeconds, maxTokenTtlSeconds, clockToleranceSeconds } = service.services.config
    const former = await signingKid()
    const next = (await publishedKids()).find((kid) => kid !== former)
    await expect(rotateSigningKey(service.services, systemPrincipal, { purpose: 'token' })).rejects.toMatchObject({ code: 'too_early' })

    service.clock.advance(jwksMaxAgeSeconds + 600 + clockToleranceSeconds + 1)
    await rotateSigningKey(service.services, systemPrincipal, { purpose: 'token' })
    expect(await signingKid()).toBe(next)

    service.clock.advance(maxTokenTtlSeconds + clockToleranceSeconds + jwksMaxAgeSeconds)
    expect(await publishedKids()).toContain(former)
    service.clock.advance(clockToleranceSeconds + 2)
    expect(await publishedKids()).not.toContain(former)
    expect(await publishedKids()).toContain(next)
  })
})

/** An issuer whose key set is this, and how often it was asked for it. */
function issuerWith(keys: object[]) {
  let asked = 0
  const now = { value: Date.parse('2026-11-02T10:00:00Z') }
  const set = remoteKeySet({
    issuer,
    now: () => new Date(now.value),
    coolDownSeconds: 10,
    async fetch(url) {
      if (url.includes('oauth-authorization-server')) return Response.json({ issuer, jwks_uri: `${issuer}/jwks` })
      asked += 1
      return Response.json({ keys })
    },
  })
  return { set, now, asked: () => asked }
}

async function publicKey(members: object = {}) {
  const { publicKey } = await generateKeyPair('ES256', { extractable: true })
  return { ...(await exportJWK(publicKey)), kid: 'good', alg: 'ES256', use: 'sig', ...members }
}

describe('a verifier that reads a key set', () => {
  test('R92 asks again for an unknown kid at most once a cool-down, however many ask', async () => {
    const { set, now, asked } = issuerWith([await publicKey()])
    await set.find('good')
    now.value += 11_000
    const before = asked()
    await Promise.allSettled(Array.from({ length: 500 }, async (_, index) => set.find(`unknown-${index}`)))
    expect(asked() - before).toBeLessThanOrEqual(1)
    now.value += 11_000
    await Promise.allSettled(Array.from({ length: 500 }, async (_, index) => set.find(`other-${index}`)))
    expect(asked() - before).toBeLessThanOrEqual(2)
    expect(await set.find('good')).toBeDefined()
  })

  test('R93 ignores keys that it does not understand and keeps the others', async () => {
    const strange = [
      { kty: 'AKP', kid: 'future', alg: 'ML-DSA-44' },
      { kid: 'bare' },
      null,
      'text',
      await publicKey({ kid: 'es384', alg: 'ES384' }),
    ]
    const { set } = issuerWith([...strange.map(Object), await publicKey()])
    expect(await set.find('good')).toBeDefined()
    for (const kid of ['future', 'bare', 'es384']) expect(set.holds(kid)).toBe(false)
  })

  test.each([
    ['an algorithm of another curve', { alg: 'ES384' }],
    ['a curve of another algorithm', { crv: 'P-384' }],
    ['the use of encryption', { use: 'enc' }],
    ['a private part', { d: 'AAAA' }],
    ['another type', { kty: 'oct', k: 'AAAA' }],
    ['an RSA modulus of 1024 bits', { kty: 'RSA', alg: 'RS256', n: 'A'.repeat(171), e: 'AQAB' }],
    ['an RSA exponent of 1', { kty: 'RSA', alg: 'RS256', n: 'w'.repeat(342), e: 'AQ' }],
    ['a point that is not on its curve', { x: 'A'.repeat(43), y: 'A'.repeat(43) }],
  ])('R94 takes no key with %s', async (_, members) => {
    const { set } = issuerWith([await publicKey({ kid: 'bad', ...members }), await publicKey()])
    expect(await set.find('good')).toBeDefined()
    expect(set.holds('bad')).toBe(false)
  })
})

test.each([`${issuer}/`, 'https://evil.example', issuer.toUpperCase(), `${issuer}/tenant`, undefined])(
  'R101 refuses metadata that names the issuer %s',
  (named) => {
    expect(() => readIssuerMetadata({ issuer: named, jwks_uri: `${issuer}/jwks` }, issuer)).toThrow()
  },
)
