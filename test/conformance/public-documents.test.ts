import { calculateJwkThumbprint, createLocalJWKSet, jwtVerify } from 'jose'
import { beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { type Algorithm, algorithms } from '../../src/signing-keys/signer.ts'
import { insertActiveKey } from '../support/active-signing-key.ts'
import { issuer, startTestService, type TestService } from '../support/test-service.ts'

let service: TestService

beforeAll(async () => {
  service = await startTestService()
})

const keySets = ['/.well-known/jwks.json', '/.well-known/record-keys.json']
const openIdPath = '/.well-known/openid-configuration'
const documents = [...keySets, '/.well-known/oauth-authorization-server', openIdPath, '/revocations']
const keySet = z.object({ keys: z.array(z.object({ kty: z.string(), kid: z.string(), alg: z.string() }).loose()) })
const metadataPath = '/.well-known/oauth-authorization-server'

async function keysAt(path: string) {
  return keySet.parse(await (await service.request(path)).json()).keys
}

describe.each(keySets)('the JWK Set %s (RFC 7517)', (path) => {
  test('R86 contains no private member', async () => {
    const keys = await keysAt(path)
    expect(keys.length).toBeGreaterThanOrEqual(2)
    for (const key of keys) expect(Object.keys(key).sort()).toEqual(['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y'])
  })

  test('R87 has type, id, algorithm and use of each key, and no id twice', async () => {
    const keys = await keysAt(path)
    for (const key of keys) expect(key).toMatchObject({ kty: 'EC', alg: 'ES256', use: 'sig', kid: expect.any(String) })
    expect(new Set(keys.map(({ kid }) => kid)).size).toBe(keys.length)
  })

  test('R88 names each key by its RFC 7638 thumbprint', async () => {
    for (const key of await keysAt(path)) expect(key.kid).toBe(await calculateJwkThumbprint(key, 'sha256'))
  })

  test('R90 has the type of a JWK Set and the configured max-age', async () => {
    const { headers } = await service.request(path)
    expect(headers.get('content-type')).toBe('application/jwk-set+json')
    expect(headers.get('cache-control')).toBe(`public, max-age=${service.services.config.jwksMaxAgeSeconds}`)
  })
})

test('R86, R87, R88, R89 the JWK Set with keys of every algorithm has public members only, each key with one algorithm and its thumbprint', async () => {
  const every = await startTestService()
  const members: Record<Algorithm, string[]> = {
    ES256: ['crv', 'x', 'y'],
    ES384: ['crv', 'x', 'y'],
    EdDSA: ['crv', 'x'],
    RS256: ['e', 'n'],
    PS256: ['e', 'n'],
  }
  for (const algorithm of algorithms) if (algorithm !== 'ES256') await insertActiveKey(every.services, algorithm)
  const { keys } = keySet.parse(await (await every.request('/.well-known/jwks.json')).json())
  expect(new Set(keys.map(({ alg }) => alg))).toEqual(new Set(algorithms))
  for (const key of keys) {
    const own = algorithms.filter((algorithm) => algorithm === key.alg).flatMap((algorithm) => members[algorithm])
    expect(Object.keys(key).sort()).toEqual(['alg', 'kid', 'kty', 'use', ...own].sort())
    expect(key.use).toBe('sig')
    expect(key.kid).toBe(await calculateJwkThumbprint(key, 'sha256'))
  }
  expect(new Set(keys.map(({ kid }) => kid)).size).toBe(keys.length)
})

test('the two sets share no key: a leaked token key cannot forge a feed', async () => {
  const [tokens, records] = await Promise.all(keySets.map(keysAt))
  const kids = new Set(tokens?.map(({ kid }) => kid))
  expect(records?.some(({ kid }) => kids.has(kid))).toBe(false)
})

describe.each(documents)('the public document %s', (path) => {
  test('R90 has a strong ETag, and 304 for a client that has it', async () => {
    const first = await service.request(path)
    const etag = first.headers.get('etag') ?? ''
    expect(first.status).toBe(200)
    expect(etag).toMatch(/^"[^"]+"$/)
    for (const known of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
      const again = await service.request(path, { headers: { 'If-None-Match': known } })
      expect([again.status, await again.text(), again.headers.get('etag')]).toEqual([304, '', etag])
    }
    expect((await service.request(path, { headers: { 'If-None-Match': '"other"' } })).status).toBe(200)
  })

  test('R114 can be read from any origin, without credentials', async () => {
    const { headers } = await service.request(path, { headers: { Origin: 'https://evil.example' } })
    expect(headers.get('access-control-allow-origin')).toBe('*')
    expect(headers.get('access-control-allow-credentials')).toBeNull()
    const preflight = await service.request(path, { method: 'OPTIONS' })
    expect([preflight.status, preflight.headers.get('access-control-allow-origin')]).toEqual([204, '*'])
  })

  test('answers HEAD without a body and cannot be changed', async () => {
    const head = await service.request(path, { method: 'HEAD' })
    expect([head.status, await head.text()]).toEqual([200, ''])
    const refused = await service.request(path, { method: 'POST' })
    expect([refused.status, refused.headers.get('allow')]).toEqual([405, 'GET, HEAD, OPTIONS'])
  })
})

test.each(['/token', '/introspect', '/revoke', '/v1/me'])(
  'R114 %s cannot be read from another origin',
  async (path) => {
    for (const method of ['POST', 'OPTIONS']) {
      const { headers } = await service.request(path, { method, headers: { Origin: 'https://evil.example' } })
      expect(headers.get('access-control-allow-origin')).toBeNull()
    }
  },
)

describe('the metadata document (RFC 8414)', () => {
  test('R95 has the issuer exactly as configured', async () => {
    expect(await (await service.request(metadataPath)).json()).toMatchObject({ issuer })
  })

  test('R95 is found between host and path of an issuer that has a path, and at the plain address', async () => {
    const tenant = `${issuer}/tenant`
    const other = await startTestService('embedded', { env: { MINTAGE_ISSUER: tenant } })
    for (const path of [`${metadataPath}/tenant`, metadataPath, `${openIdPath}/tenant`, openIdPath]) {
      expect(await (await other.request(path)).json()).toMatchObject({
        issuer: tenant,
        token_endpoint: `${tenant}/token`,
      })
    }
    for (const path of [metadataPath, openIdPath]) {
      expect((await other.request(`${path}/other`)).status).toBe(404)
      expect((await service.request(`${path}/tenant`)).status).toBe(404)
    }
  })

  test('R97 lists only what the service supports', async () => {
    const metadata = z.record(z.string(), z.unknown()).parse(await (await service.request(metadataPath)).json())
    const urls = Object.entries(metadata).filter(([name]) => /_endpoint$|_uri$/.test(name))
    expect(urls.map(([name]) => name).sort()).toEqual([
      'authorization_endpoint',
      'introspection_endpoint',
      'jwks_uri',
      'record_keys_uri',
      'revocation_endpoint',
      'revocations_uri',
      'token_endpoint',
    ])
    for (const [name, url] of urls) {
      const { origin, pathname } = new URL(String(url))
      expect(origin).toBe(issuer)
      const response = await service.request(pathname, { method: name.endsWith('_endpoint') ? 'POST' : 'GET' })
      expect(response.status, pathname).not.toBe(404)
      expect(response.status, pathname).not.toBe(405)
    }
    expect(metadata.grant_types_supported).toEqual([
      'client_credentials',
      'urn:ietf:params:oauth:grant-type:token-exchange',
    ])
    expect(metadata.token_endpoint_auth_methods_supported).toEqual(['client_secret_basic', 'client_secret_post'])
  })

  test('R98 has an empty list of response types', async () => {
    expect(await (await service.request(metadataPath)).json()).toMatchObject({ response_types_supported: [] })
  })

  test.each(['GET', 'POST'])(
    'R144 has an authorization endpoint that refuses every %s request in words',
    async (method) => {
      const metadata = z
        .object({ authorization_endpoint: z.url() })
        .parse(await (await service.request(metadataPath)).json())
      const query = 'response_type=code&client_id=key_1&redirect_uri=https%3A%2F%2Fevil.example&state=planted'
      const response = await service.request(`${new URL(metadata.authorization_endpoint).pathname}?${query}`, {
        method,
      })
      expect(response.status).toBe(400)
      expect(response.headers.get('location')).toBeNull()
      expect(response.headers.get('cache-control')).toBe('no-store')
      const body = await response.text()
      expect(JSON.parse(body)).toEqual({
        error: 'unauthorized_client',
        error_description: expect.stringContaining('This service has no sign-in page.'),
      })
      expect(body).not.toMatch(/planted|evil/)
    },
  )

  test('says where the revocations are, how late they may be, and how long a token may live', async () => {
    expect(await (await service.request(metadataPath)).json()).toMatchObject({
      revocations_uri: `${issuer}/revocations`,
      revocations_format: 'mintage-revocations-v2+jwt',
      revocation_latency_seconds: 10,
      max_token_lifetime_seconds: 3600,
    })
  })
})

test('R62 the feed is another type of JWT, signed by a record key, and a token key cannot sign one', async () => {
  const response = await service.request('/revocations')
  expect(response.headers.get('content-type')).toBe('application/jwt')
  const text = await response.text()
  const options = { currentDate: service.clock.now(), typ: 'mintage-revocations-v2+jwt' }
  await jwtVerify(text, createLocalJWKSet({ keys: await keysAt('/.well-known/record-keys.json') }), options)
  await expect(
    jwtVerify(text, createLocalJWKSet({ keys: await keysAt('/.well-known/jwks.json') }), options),
  ).rejects.toThrow()
})
