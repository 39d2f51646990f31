import { Hono } from 'hono'
import { exportJWK, generateKeyPair } from 'jose'
import { beforeAll, expect, test } from 'vitest'
import { requireAccessToken } from '../../src/kit/hono.ts'
import { protectedResource } from '../../src/kit/protected-resource.ts'
import { createRemoteIssuer, createRemoteKeys } from '../support/remote-issuer.ts'
import {
  audience,
  createTestIssuer,
  createTestVerifier,
  issuerUrl,
  outcome,
  type TestIssuer,
} from '../support/test-issuer.ts'

/** RFC 7517, 8414 and 9728 from the verifier's side. */
let issuer: TestIssuer
beforeAll(async () => {
  issuer = await createTestIssuer()
})

test('R92 · unknown kids cause one fetch per cool-down, shared by all waiting calls', async () => {
  const remote = createRemoteIssuer([issuer.publicJwk])
  const { keys, clock } = createRemoteKeys(remote)
  await keys.ready?.()
  for (let round = 1; round <= 3; round += 1) {
    clock.seconds += 10
    const kids = Array.from({ length: 200 }, (_, index) => `unknown-${round}-${index}`)
    await Promise.allSettled(kids.map((kid) => keys.find(kid)))
    await Promise.allSettled(kids.map((kid) => keys.find(`${kid}-again`)))
    expect(remote.fetches()).toHaveLength(1 + round)
  }
})

test('R93 · keys of unknown types and algorithms are ignored, and the others work', async () => {
  const strangers = [
    { kty: 'AKP', alg: 'ML-DSA-65', kid: 'post-quantum', pub: 'AAAA' },
    { kty: 'oct', k: 'AAAA', alg: 'HS256', kid: 'symmetric' },
    { kty: 'EC', crv: 'P-256', kid: 'no-alg', x: issuer.publicJwk.x, y: issuer.publicJwk.y },
    { ...issuer.publicJwk, kid: issuer.kid, alg: 'ES999' },
    {},
    null,
    'key',
    [],
  ]
  const { verify } = createTestVerifier({ jwks: Object({ keys: [...strangers, issuer.publicJwk] }) })
  expect(await outcome(verify, await issuer.token())).toBe('accepted')
})

test('R94 · weak and inconsistent keys verify nothing, and the others work', async () => {
  const rsa = await createTestIssuer('RS256', 'rsa')
  const { publicKey } = await generateKeyPair('ES384', { extractable: true })
  const p384 = await exportJWK(publicKey)
  const bad = [
    { ...rsa.publicJwk, e: 'AQ', kid: 'e-is-one' },
    { ...rsa.publicJwk, n: rsa.publicJwk.n?.slice(0, 170), kid: 'short' },
    { ...rsa.publicJwk, use: 'enc', kid: 'enc' },
    { ...rsa.publicJwk, alg: 'ES256', kid: 'kty-alg' },
    { ...p384, alg: 'ES256', kid: 'crv-alg' },
    { ...p384, crv: 'P-256', alg: 'ES256', kid: 'crv-point' },
  ]
  const { keys } = createRemoteKeys(createRemoteIssuer([...bad, rsa.publicJwk]), {
    algorithms: ['ES256', 'ES384', 'RS256'],
  })
  await keys.ready?.()
  for (const { kid } of bad) expect(keys.holds(kid)).toBe(false)
  expect(keys.holds('rsa')).toBe(true)
})

test('R99, R102 · an application can serve its protected-resource metadata', async () => {
  const resource = protectedResource({
    verifier: { issuer: issuerUrl, audience: 'https://api.example/shop' },
    scopes: ['orders:read'],
  })
  const app = new Hono().get(resource.path, (c) => c.json(resource.document))
  const response = await app.request('/.well-known/oauth-protected-resource/shop')
  expect(await response.json()).toEqual({
    resource: 'https://api.example/shop',
    authorization_servers: [issuerUrl],
    bearer_methods_supported: ['header'],
    scopes_supported: ['orders:read'],
  })
})

test('R100 · the 401 names the metadata', async () => {
  const { metadataUrl } = protectedResource({ verifier: { issuer: issuerUrl, audience } })
  const app = new Hono()
  app.use(
    requireAccessToken({
      verifier: { verify: createTestVerifier(issuer).verify, audience },
      resourceMetadata: metadataUrl,
    }),
  )
  for (const headers of [{}, { authorization: 'Bearer x' }]) {
    const response = await app.request('/', { headers })
    expect(response.headers.get('www-authenticate')).toContain(
      'resource_metadata="https://api.example/.well-known/oauth-protected-resource"',
    )
  }
})

test.each([`${issuerUrl}/`, 'https://evil.example', undefined])(
  'R101 · metadata with issuer %s is refused',
  async (other) => {
    const remote = createRemoteIssuer([issuer.publicJwk])
    remote.metadata = { ...remote.metadata, issuer: other }
    const { keys } = createRemoteKeys(remote)
    await expect(keys.find(issuer.kid)).rejects.toMatchObject({ code: 'unavailable' })
    expect(remote.fetches()).toEqual([])
  },
)
