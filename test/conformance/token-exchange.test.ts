import { beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import {
  apiKeyTokenType,
  basic,
  exchange,
  form,
  oauthError,
  partsOf,
  tokenExchangeGrant,
} from '../support/oauth-requests.ts'
import { issuer, startTestService, type TestService } from '../support/test-service.ts'

let service: TestService
let key: { id: string; secret: string }

beforeAll(async () => {
  service = await startTestService()
  key = await service.createKey({ scopes: ['orders:read'], audiences: ['https://b.example', 'https://c.example/v1'] })
})

const send = (parameters: Record<string, string>) => service.request('/token', form(parameters))
const subject = () => ({
  grant_type: tokenExchangeGrant,
  subject_token: key.secret,
  subject_token_type: apiKeyTokenType,
})

describe('token exchange (RFC 8693)', () => {
  test.each(['subject_token', 'subject_token_type'])('R25 requires %s', async (missing) => {
    const response = await send({ ...subject(), [missing]: '' })
    expect(await oauthError(response)).toMatchObject({ status: 400, error: 'invalid_request' })
  })

  test('R26 accepts the API key under one URI and no other type', async () => {
    expect((await send(subject())).status).toBe(200)
    for (const type of ['api-key', apiKeyTokenType.toUpperCase(), 'urn:ietf:params:oauth:token-type:jwt']) {
      expect(await oauthError(await send({ ...subject(), subject_token_type: type }))).toMatchObject({
        status: 400,
        error: 'invalid_request',
      })
    }
  })

  test.each([{ actor_token: 'a' }, { actor_token_type: 'b' }, { actor_token: 'a', actor_token_type: 'b' }])(
    'R27 refuses an actor: %j',
    async (actor) => {
      expect(await oauthError(await send({ ...subject(), ...actor }))).toMatchObject({
        status: 400,
        error: 'invalid_request',
      })
    },
  )

  test('R28 issues access tokens and JWTs and nothing else', async () => {
    for (const type of ['access_token', 'jwt'].map((name) => `urn:ietf:params:oauth:token-type:${name}`)) {
      expect(await (await send({ ...subject(), requested_token_type: type })).json()).toMatchObject({
        issued_token_type: type,
      })
    }
    const refused = await send({ ...subject(), requested_token_type: 'urn:ietf:params:oauth:token-type:refresh_token' })
    expect(await oauthError(refused)).toMatchObject({ status: 400, error: 'invalid_request' })
  })

  test('R29 returns the type of the issued token', async () => {
    expect(await (await send(subject())).json()).toEqual({
      access_token: expect.any(String),
      issued_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      token_type: 'Bearer',
      expires_in: 900,
      scope: 'orders:read',
    })
  })

  test('R30 answers an unacceptable subject token with 400, whatever is wrong with it', async () => {
    const revoked = await service.createKey({ revokedAt: service.clock.now() })
    const bodies = new Set<string>()
    const misspelled = key.secret.slice(0, -1) + (key.secret.endsWith('0') ? '1' : '0')
    for (const secret of ['garbage', revoked.secret, misspelled, 'ey.ey.ey']) {
      const response = await send({ ...subject(), subject_token: secret })
      expect(response.status).toBe(400)
      expect(response.headers.get('www-authenticate')).toBeNull()
      bodies.add(await response.text())
    }
    expect(bodies.size).toBe(1)
    expect([...bodies][0]).toContain('"invalid_request"')
  })

  test.each(['audience', 'resource'])('R31 refuses an unknown %s as an invalid target', async (name) => {
    expect(await oauthError(await send({ ...subject(), [name]: 'https://unknown.example' }))).toMatchObject({
      status: 400,
      error: 'invalid_target',
    })
  })
})

describe('token exchange by a client that authenticates (RFC 8693 §2.1)', () => {
  const exchangeAs = (client: { id: string; secret: string }, subjectToken: string) => {
    const parameters = { ...subject(), subject_token: subjectToken }
    return {
      basic: service.request('/token', form(parameters, { Authorization: basic(client.id, client.secret) })),
      post: send({ ...parameters, client_id: client.id, client_secret: client.secret }),
    }
  }

  test.each(['basic', 'post'] as const)(
    'R143 by %s is accepted with the same API key as subject token',
    async (way) => {
      const answer = z.object({ access_token: z.string() }).parse(await (await exchangeAs(key, key.secret)[way]).json())
      expect(partsOf(answer.access_token).claims).toMatchObject({ client_id: key.id, scope: 'orders:read' })
    },
  )

  test('R143 is accepted with another version of the same API key', async () => {
    const created = await service.createKey({ scopes: ['orders:read'] })
    const rotated = await service.request(`/v1/api-keys/${created.id}/rotate`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${service.rootKey}` },
    })
    const { secret } = z.object({ secret: z.string() }).parse(await rotated.json())
    for (const [client, subjectToken] of [
      [created.secret, secret],
      [secret, created.secret],
    ] as const) {
      expect((await exchangeAs({ id: created.id, secret: client }, subjectToken).basic).status).toBe(200)
    }
  })

  test.each(['basic', 'post'] as const)('R143 by %s is refused with a different API key', async (way) => {
    const other = await service.createKey({ scopes: ['orders:write'] })
    for (const response of [exchangeAs(key, other.secret)[way], exchangeAs(other, key.secret)[way]]) {
      expect(await oauthError(await response)).toMatchObject({ status: 400, error: 'invalid_request' })
    }
  })

  test.each(['basic', 'post'] as const)(
    'R143 by %s fails when the client does, whatever the subject token',
    async (way) => {
      const revoked = await service.createKey({ revokedAt: service.clock.now() })
      const other = await service.createKey()
      const clients = [revoked, { id: key.id, secret: 'garbage' }, { id: other.id, secret: key.secret }]
      for (const client of clients) {
        for (const subjectToken of [key.secret, client.secret, 'garbage']) {
          expect(await oauthError(await exchangeAs(client, subjectToken)[way])).toMatchObject({
            status: 401,
            error: 'invalid_client',
          })
        }
      }
      expect(await oauthError(await exchangeAs(key, 'garbage')[way])).toMatchObject({
        status: 400,
        error: 'invalid_request',
      })
    },
  )

  test('R143 is refused by a header that is not client authentication', async () => {
    for (const headers of [{ Authorization: `Bearer ${key.secret}` }, { 'X-API-Key': key.secret }]) {
      expect(await oauthError(await service.request('/token', form(subject(), headers)))).toMatchObject({
        status: 400,
        error: 'invalid_request',
      })
    }
  })
})

describe('resource indicators (RFC 8707)', () => {
  test.each(['b.example', '/orders', 'https://b.example#part', 'https://b.example/ ', 'not a uri'])(
    'R32 refuses the resource %j',
    async (resource) => {
      expect(await oauthError(await send({ ...subject(), resource }))).toMatchObject({
        status: 400,
        error: 'invalid_target',
      })
    },
  )

  test('R32 accepts several resources', async () => {
    const { access_token } = await exchange(service, key.secret, [
      ['resource', 'https://b.example'],
      ['resource', 'https://c.example/v1'],
    ])
    expect(partsOf(access_token).claims.aud).toEqual(['https://b.example', 'https://c.example/v1'])
  })

  test('R33 R111 limits the audience to the requested one, or to the default', async () => {
    expect(partsOf((await exchange(service, key.secret)).access_token).claims.aud).toBe(`${issuer}/api`)
    expect(
      partsOf((await exchange(service, key.secret, { audience: 'https://b.example' })).access_token).claims.aud,
    ).toBe('https://b.example')
  })

  test('R33 gives an admin token only to a key with a role, only on request, and for no other audience', async () => {
    const admin = await service.createKey({ roles: ['admin'] })
    expect(partsOf((await exchange(service, admin.secret)).access_token).claims).not.toHaveProperty('roles')
    expect(partsOf((await exchange(service, admin.secret, { audience: issuer })).access_token).claims).toMatchObject({
      aud: issuer,
      roles: ['admin'],
    })
    const both = form(
      [
        ['audience', issuer],
        ['audience', `${issuer}/api`],
      ],
      { Authorization: `Bearer ${admin.secret}` },
    )
    expect(await oauthError(await service.request('/token', both))).toMatchObject({
      status: 400,
      error: 'invalid_target',
    })
    expect(await oauthError(await send({ ...subject(), audience: issuer }))).toMatchObject({
      status: 400,
      error: 'invalid_target',
    })
  })

  test('R33 exchanges a root key for the admin API and nothing else', async () => {
    expect(partsOf((await exchange(service, service.rootKey)).access_token).claims).toMatchObject({
      aud: issuer,
      roles: ['root'],
    })
    const elsewhere = form({ audience: `${issuer}/api` }, { Authorization: `Bearer ${service.rootKey}` })
    expect(await oauthError(await service.request('/token', elsewhere))).toMatchObject({
      status: 400,
      error: 'invalid_target',
    })
  })
})

describe('an exchange never adds permissions', () => {
  test.each([
    ['the key', 'expiresAt'],
    ['its version', 'versionExpiresAt'],
    ['a revocation that is scheduled', 'revokedAt'],
  ])('R35 a token does not outlive %s', async (_, end) => {
    const endsAt = new Date(service.clock.now().getTime() + 90_500)
    const short = await service.createKey({ [end]: endsAt })
    const answer = await exchange(service, short.secret, { expires_in: '3600' })
    expect(Number(partsOf(answer.access_token).claims.exp) * 1000).toBeLessThanOrEqual(endsAt.getTime())
    expect(answer.expires_in).toBe(90)
  })

  test('R35 a key that expires within the second gets no token', async () => {
    const ending = await service.createKey({ expiresAt: new Date(service.clock.now().getTime() + 400) })
    const response = await service.request('/token', { method: 'POST', headers: { 'X-API-Key': ending.secret } })
    expect(await oauthError(response)).toMatchObject({ status: 401, error: 'invalid_client' })
  })

  test('R35 no request gets a scope or an audience beyond those of the key', async () => {
    const wanted = ['orders:read', 'orders:write', 'admin']
    const audiences = ['https://b.example', 'https://d.example', issuer]
    for (const scope of wanted) {
      for (const audience of audiences) {
        const response = await send({ ...subject(), scope, audience, expires_in: '999999999' })
        const allowed = scope === 'orders:read' && audience === 'https://b.example'
        expect(response.status, `${scope} at ${audience}`).toBe(allowed ? 200 : 400)
      }
    }
  })
})
