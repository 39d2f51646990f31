import { createLocalJWKSet, jwtVerify } from 'jose'
import { beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { memoryRevocationList } from '../../src/kit/revocation/memory.ts'
import { createVerifier } from '../../src/kit/verify.ts'
import { generateKeyPair, type KeyPair } from '../../src/signing-keys/key-pair.ts'
import { type Algorithm, algorithms } from '../../src/signing-keys/signer.ts'
import { insertActiveKey } from '../support/active-signing-key.ts'
import { databaseKinds } from '../support/databases.ts'
import { basic, exchange, form, oauthError, partsOf } from '../support/oauth-requests.ts'
import { issuer, startTestService, type TestService } from '../support/test-service.ts'

const keySet = z.object({ keys: z.array(z.object({ kty: z.string(), kid: z.string(), alg: z.string() }).loose()) })

/** Shared by both databases, because generating an RSA key takes longest. */
const pairs = new Map<Algorithm, Promise<KeyPair>>()

function pairOf(algorithm: Algorithm): Promise<KeyPair> {
  const pair = pairs.get(algorithm) ?? generateKeyPair(algorithm)
  pairs.set(algorithm, pair)
  return pair
}

describe.each(databaseKinds)("tokens signed by the key's own algorithm, on %s", (kind) => {
  let service: TestService
  const kids = new Map<Algorithm, string>()

  beforeAll(async () => {
    service = await startTestService(kind)
    kids.set('ES256', (await service.services.keyring.signer('token')).kid)
    for (const algorithm of algorithms) {
      if (algorithm !== 'ES256')
        kids.set(algorithm, await insertActiveKey(service.services, algorithm, await pairOf(algorithm)))
    }
  })

  const published = async () => keySet.parse(await (await service.request('/.well-known/jwks.json')).json())

  describe.each(algorithms)('%s', (tokenAlgorithm) => {
    test('R38 signs, and jose and the kit verify by the published keys', async () => {
      const { secret, id } = await service.createKey({ tokenAlgorithm })
      const { access_token } = await exchange(service, secret)
      expect(partsOf(access_token).header).toEqual({
        alg: tokenAlgorithm,
        kid: kids.get(tokenAlgorithm),
        typ: 'at+jwt',
      })
      const expected = {
        issuer,
        audience: `${issuer}/api`,
        typ: 'at+jwt',
        algorithms: [tokenAlgorithm],
        currentDate: service.clock.now(),
      }
      await jwtVerify(access_token, createLocalJWKSet(await published()), expected)
      expect(await kit(service).verify(access_token)).toMatchObject({ clientId: id, keyId: kids.get(tokenAlgorithm) })
    })

    test('is accepted by introspection and the admin API like any other', async () => {
      const { secret, id } = await service.createKey({ tokenAlgorithm, roles: ['admin'] })
      const { access_token } = await exchange(service, secret, { audience: issuer })
      const introspected = await service.request(
        '/introspect',
        form({ token: access_token }, { Authorization: basic(id, secret) }),
      )
      expect(await introspected.json()).toMatchObject({ active: true, client_id: id })
      const me = await service.request('/v1/me', { headers: { Authorization: `Bearer ${access_token}` } })
      expect(await me.json()).toMatchObject({ id, tokenAlgorithm })
    })
  })

  test('a key without an algorithm gets ES256, whatever other keys are active', async () => {
    const { secret } = await service.createKey()
    expect(partsOf((await exchange(service, secret)).access_token).header).toMatchObject({ alg: 'ES256' })
  })

  test('many keys at once each get their own algorithm', async () => {
    const keys = await Promise.all(algorithms.map((tokenAlgorithm) => service.createKey({ tokenAlgorithm })))
    const wanted = Array.from({ length: 40 }, (_, index) => index % algorithms.length)
    const tokens = await Promise.all(wanted.map((index) => exchange(service, keys[index]?.secret ?? '')))
    expect(tokens.map(({ access_token }) => partsOf(access_token).header.alg)).toEqual(
      wanted.map((index) => algorithms[index]),
    )
  })

  test('records are signed only by ES256', async () => {
    const records = keySet.parse(await (await service.request('/.well-known/record-keys.json')).json())
    expect(new Set(records.keys.map(({ alg }) => alg))).toEqual(new Set(['ES256']))
    const { keyring } = service.services
    await expect(Promise.resolve(keyring.signer('record', undefined, 'RS256'))).rejects.toMatchObject({
      code: 'keyring_unavailable',
    })
  })

  test('no key is published under two algorithms or with a private member', async () => {
    const { keys } = await published()
    expect(new Set(keys.map(({ kid }) => kid)).size).toBe(keys.length)
    expect(new Set(keys.map(({ alg }) => alg))).toEqual(new Set(algorithms))
    const text = JSON.stringify(keys)
    for (const member of ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k']) expect(text).not.toContain(`"${member}":`)
  })
})

describe('an algorithm without a signing key', () => {
  test.each(['RS256', 'ML-DSA-65', 'none', 'HS256'])(
    '%s is 503, and never another one instead',
    async (tokenAlgorithm) => {
      const service = await startTestService()
      const { secret } = await service.createKey({ tokenAlgorithm })
      const refused = await service.request('/token', form({}, { Authorization: `Bearer ${secret}` }))
      expect(await oauthError(refused)).toMatchObject({ status: 503, error: 'temporarily_unavailable' })
      if (tokenAlgorithm !== 'RS256') return
      await insertActiveKey(service.services, 'RS256')
      expect(partsOf((await exchange(service, secret)).access_token).header).toMatchObject({ alg: 'RS256' })
    },
  )
})

/** The kit as an application uses it, on the service's own documents. */
function kit(service: TestService) {
  const now = () => service.clock.now()
  const fetch = (url: string, init: RequestInit) => service.request(new URL(url).pathname, init)
  return createVerifier({ issuer, audience: `${issuer}/api`, fetch, now, revocations: memoryRevocationList({ now }) })
}
