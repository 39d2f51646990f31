import { createLocalJWKSet, jwtVerify } from 'jose'
import { beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { exchange, partsOf } from '../support/oauth-requests.ts'
import { issuer, startTestService, type TestService } from '../support/test-service.ts'

let service: TestService
let key: { id: string; secret: string }

beforeAll(async () => {
  service = await startTestService()
  key = await service.createKey({ scopes: ['orders:read', 'orders:write'] })
})

const keySet = z.object({ keys: z.array(z.object({ kty: z.string(), kid: z.string() }).loose()) })

describe('an issued access token (RFC 9068)', () => {
  test('R37 has typ at+jwt and is signed by a published key', async () => {
    const { access_token } = await exchange(service, key.secret)
    const published = keySet.parse(await (await service.request('/.well-known/jwks.json')).json())
    expect(partsOf(access_token).header).toEqual({ alg: 'ES256', kid: expect.any(String), typ: 'at+jwt' })
    await jwtVerify(access_token, createLocalJWKSet(published), {
      issuer,
      audience: `${issuer}/api`,
      typ: 'at+jwt',
      algorithms: ['ES256'],
      currentDate: service.clock.now(),
    })
  })

  test('R39 contains issuer, audience, subject, client, both times and a unique id', async () => {
    const now = Math.floor(service.clock.now().getTime() / 1000)
    expect(partsOf((await exchange(service, key.secret)).access_token).claims).toEqual({
      iss: issuer,
      sub: key.id,
      aud: `${issuer}/api`,
      client_id: key.id,
      iat: now,
      exp: now + 900,
      jti: expect.any(String),
      scope: 'orders:read orders:write',
      org_id: service.organizationId,
      env: 'live',
      key_version: 1,
    })
  })

  test('R39 contains the environment of its key', async () => {
    expect(partsOf((await exchange(service, service.testKey)).access_token).claims.env).toMatch(/^(live|test)$/)
    const trial = await service.createKey({ environment: 'test' })
    expect(partsOf((await exchange(service, trial.secret)).access_token).claims.env).toBe('test')
  })

  test('R40 has the client as its subject, in a separate namespace, unless the key sets one', async () => {
    expect(partsOf((await exchange(service, key.secret)).access_token).claims.sub).toMatch(/^key_/)
    const named = await service.createKey({ subject: 'customer-7' })
    expect(partsOf((await exchange(service, named.secret)).access_token).claims).toMatchObject({
      sub: 'customer-7',
      client_id: named.id,
    })
  })

  test('R41 contains the scope as one string, and none if none was granted', async () => {
    expect(partsOf((await exchange(service, key.secret, { scope: 'orders:write' })).access_token).claims.scope).toBe(
      'orders:write',
    )
    const bare = await service.createKey()
    const answer = await exchange(service, bare.secret)
    expect(partsOf(answer.access_token).claims).not.toHaveProperty('scope')
    expect(answer.scope).toBeUndefined()
  })

  test('R42 contains roles in the SCIM claim, and only for the admin API', async () => {
    const admin = await service.createKey({ roles: ['admin'] })
    expect(partsOf((await exchange(service, admin.secret, { audience: issuer })).access_token).claims.roles).toEqual([
      'admin',
    ])
    expect(partsOf((await exchange(service, admin.secret)).access_token).claims).not.toHaveProperty('roles')
  })

  test('R50 contains nothing of the key: no secret, hash, hint or name', async () => {
    const { access_token } = await exchange(service, key.secret)
    const text = JSON.stringify(partsOf(access_token))
    const hash = await service.services.platform.sha256(key.secret)
    for (const part of [key.secret, key.secret.slice(8, 20), key.secret.slice(-10), hash])
      expect(text).not.toContain(part)
  })

  test('R51 has an identifier of 128 random bits, never the same twice', async () => {
    const tokens = await Promise.all(Array.from({ length: 200 }, () => exchange(service, key.secret)))
    const identifiers = tokens.map(({ access_token }) => String(partsOf(access_token).claims.jti))
    expect(new Set(identifiers).size).toBe(200)
    for (const identifier of identifiers) expect(Buffer.from(identifier, 'base64url')).toHaveLength(16)
  })
})
