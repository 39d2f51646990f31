import { beforeAll, describe, expect, test } from 'vitest'
import { basic, exchange, form, oauthError } from '../support/oauth-requests.ts'
import { startTestService, type TestService } from '../support/test-service.ts'

let service: TestService
let key: { id: string; secret: string }

beforeAll(async () => {
  service = await startTestService()
  key = await service.createKey({ scopes: ['orders:read', 'orders:write'], audiences: ['https://b.example'] })
})

const post = (init: RequestInit = {}) => service.request('/token', { method: 'POST', ...init })
const bearer = (secret = key.secret) => ({ Authorization: `Bearer ${secret}` })

describe('the token endpoint (RFC 6749)', () => {
  test.each(['GET', 'HEAD', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])(
    'R1 answers %s with 405 and the allowed methods',
    async (method) => {
      const response = await service.request('/token', { method, headers: bearer() })
      expect(response.status).toBe(405)
      expect(response.headers.get('allow')).toBe('POST')
      expect(response.headers.get('cache-control')).toBe('no-store')
    },
  )

  test.each([
    ['JSON', 'application/json', '{"grant_type":"client_credentials"}'],
    ['a multipart form', 'multipart/form-data; boundary=x', '--x\r\n\r\n--x--'],
    ['text', 'text/plain', 'grant_type=client_credentials'],
    ['a form in another charset', 'application/x-www-form-urlencoded; charset=utf-16', 'grant_type=client_credentials'],
    ['two content types', 'application/x-www-form-urlencoded, application/json', 'grant_type=client_credentials'],
    ['no content type', '', 'grant_type=client_credentials'],
  ])('R2 refuses %s and says what to send instead', async (_, contentType, body) => {
    const response = await post({ headers: { 'Content-Type': contentType, ...bearer() }, body })
    expect(response.status).toBe(400)
    expect(await response.json()).toEqual({
      error: 'invalid_request',
      error_description: expect.stringContaining('application/x-www-form-urlencoded'),
    })
  })

  test.each([
    'application/x-www-form-urlencoded',
    'APPLICATION/X-WWW-FORM-URLENCODED',
    'application/x-www-form-urlencoded; charset=UTF-8',
  ])('R2 accepts a form sent as %s, and an empty body without a type', async (contentType) => {
    const response = await post({
      headers: { 'Content-Type': contentType, ...bearer() },
      body: 'grant_type=client_credentials',
    })
    expect(response.status).toBe(200)
    expect((await post({ headers: bearer() })).status).toBe(200)
  })

  test('R3 refuses a parameter sent twice', async () => {
    const response = await post(
      form(
        [
          ['scope', 'orders:read'],
          ['scope', 'orders:read'],
        ],
        bearer(),
      ),
    )
    expect(await oauthError(response)).toMatchObject({ status: 400, error: 'invalid_request' })
  })

  test('R4 treats an empty parameter as absent and ignores unknown ones', async () => {
    const answer = await exchange(service, key.secret, { scope: '', audience: '', expires_in: '', colour: 'blue' })
    expect(answer.scope).toBe('orders:read orders:write')
  })

  test.each(['client_secret', 'access_token', 'subject_token', 'api_key', 'anything'])(
    'R5 refuses credentials in the URL, as %s',
    async (name) => {
      const response = await service.request(`/token?${name}=${key.secret}`, form({ grant_type: 'client_credentials' }))
      expect(await oauthError(response)).toMatchObject({ status: 400, error: 'invalid_request' })
      expect(JSON.stringify(service.logged)).not.toContain(key.secret)
    },
  )

  test('R6 accepts HTTP Basic, form-decoded after Base64', async () => {
    const encoded = { Authorization: basic(key.id.replace('_', '%5F'), key.secret.replaceAll('_', '%5F')) }
    expect((await post(form({ grant_type: 'client_credentials' }, encoded))).status).toBe(200)
  })

  test.each(['Basic', 'Basic !!!', 'Basic abcde', `Basic ${btoa('no colon')}`, `Basic ${btoa('key:%zz')}`])(
    'R6 answers the malformed credential %j with 401',
    async (authorization) => {
      const response = await post(form({ grant_type: 'client_credentials' }, { Authorization: authorization }))
      expect(await oauthError(response)).toMatchObject({ status: 401, error: 'invalid_client' })
    },
  )

  test('R7 accepts the key in the form', async () => {
    const response = await post(
      form({ grant_type: 'client_credentials', client_id: key.id, client_secret: key.secret }),
    )
    expect(response.status).toBe(200)
  })

  test('R7 a key with another client id is refused like an unknown one', async () => {
    const response = await post(
      form({ grant_type: 'client_credentials', client_id: 'key_other', client_secret: key.secret }),
    )
    expect(await oauthError(response)).toMatchObject({ status: 401, error: 'invalid_client' })
  })

  test('R8 refuses two credentials in one request', async () => {
    const parameters = { grant_type: 'client_credentials', client_id: key.id, client_secret: key.secret }
    expect(await oauthError(await post(form(parameters, { Authorization: basic(key.id, key.secret) })))).toMatchObject({
      status: 400,
      error: 'invalid_request',
    })
  })

  test('R9 requires the grant type, except in the header shorthand, and refuses unknown ones', async () => {
    expect(await oauthError(await post(form({ client_id: key.id, client_secret: key.secret })))).toMatchObject({
      status: 400,
      error: 'invalid_request',
    })
    expect(await oauthError(await post())).toMatchObject({ status: 400, error: 'invalid_request' })
    expect(await oauthError(await post(form({ grant_type: 'password' }, bearer())))).toMatchObject({
      status: 400,
      error: 'unsupported_grant_type',
    })
    expect((await post({ headers: bearer() })).status).toBe(200)
    expect((await post({ headers: { 'X-API-Key': key.secret } })).status).toBe(200)
  })

  test.each([
    ['Basic', { Authorization: basic('key_x', 'wrong') }, /^Basic realm="[^"]+"/],
    ['Bearer', { Authorization: 'Bearer wrong' }, /^Bearer realm="[^"]+"$/],
  ])('R10 challenges with the scheme that failed: %s', async (_, headers, challenge) => {
    const refused = await oauthError(await post(form({ grant_type: 'client_credentials' }, headers)))
    expect(refused).toMatchObject({ status: 401, error: 'invalid_client', challenge: expect.stringMatching(challenge) })
  })

  test('R10 asks for a credential if it is missing', async () => {
    expect(await oauthError(await post(form({ grant_type: 'client_credentials' })))).toMatchObject({
      status: 401,
      error: 'invalid_client',
    })
  })

  test('R13 refuses a scope that the key does not have', async () => {
    const response = await post(form({ scope: 'orders:read orders:delete' }, bearer()))
    expect(await oauthError(response)).toMatchObject({ status: 400, error: 'invalid_scope' })
  })

  test('R14 reads scopes case-sensitively, drops repetitions and ignores the order', async () => {
    expect((await exchange(service, key.secret, { scope: 'orders:write orders:read orders:write' })).scope).toBe(
      'orders:write orders:read',
    )
    for (const scope of [
      'ORDERS:READ',
      'orders:read  orders:write',
      'orders:read\torders:write',
      'orders:"read"',
      'orders',
    ]) {
      expect(await oauthError(await post(form({ scope }, bearer())))).toMatchObject({
        status: 400,
        error: 'invalid_scope',
      })
    }
  })

  test('R15 returns the granted scope', async () => {
    expect((await exchange(service, key.secret)).scope).toBe('orders:read orders:write')
    expect((await exchange(service, key.secret, { scope: 'orders:read' })).scope).toBe('orders:read')
  })

  test('R16 returns a Bearer token and a lifetime that is not longer than what is left of it', async () => {
    const response = await post({ headers: bearer() })
    expect(response.status).toBe(200)
    expect(response.headers.get('content-type')).toBe('application/json')
    expect(await response.json()).toEqual({
      access_token: expect.stringMatching(/^[\w-]+\.[\w-]+\.[\w-]+$/),
      token_type: 'Bearer',
      expires_in: 900,
      scope: 'orders:read orders:write',
    })
  })

  test('R17 forbids caching of every response', async () => {
    const answers = [
      await post({ headers: bearer() }),
      await post({ headers: bearer('wrong') }),
      await post(),
      await service.request('/token'),
    ]
    expect(answers.map((answer) => answer.status)).toEqual([200, 401, 400, 405])
    for (const { headers } of answers) {
      expect(headers.get('cache-control')).toBe('no-store')
      expect(headers.get('pragma')).toBe('no-cache')
      expect(headers.get('x-request-id')).toMatch(/^req_[\w-]{22}$/)
    }
  })

  test('R18 describes errors in the allowed characters and echoes nothing', async () => {
    const canary = 'zebra"\\<é>'
    const attempts = [
      form({ scope: canary }, bearer()),
      form({ audience: canary }, bearer()),
      form({ resource: canary }, bearer()),
      form({ grant_type: canary }, bearer()),
      form({ expires_in: canary }, bearer()),
      form({ [canary]: '1' }, { Authorization: basic(canary.replace('é', 'e'), 'x') }),
    ]
    for (const attempt of attempts) {
      const text = await (await post(attempt)).text()
      const body = JSON.parse(text)
      expect(text).not.toContain('zebra')
      expect(Object.keys(body)).toEqual(['error', 'error_description'])
      expect(body.error_description).toMatch(/^[\x20\x21\x23-\x5b\x5d-\x7e]+$/)
    }
  })

  test('R19 returns no refresh token', async () => {
    expect(await (await post({ headers: bearer() })).json()).not.toHaveProperty('refresh_token')
  })

  test('R21 accepts keys with 256 random bits', async () => {
    expect(key.secret).toMatch(/^mk_live_[0-9A-Za-z]{43}[0-9A-Za-z]{6}$/)
    expect(43 * Math.log2(62)).toBeGreaterThan(255)
    const keys = await Promise.all(Array.from({ length: 20 }, () => service.createKey()))
    expect(new Set(keys.map(({ secret }) => secret.slice(8, 30))).size).toBe(20)
  })

  test.each(['password', 'implicit', 'authorization_code', 'refresh_token'])(
    'R110 supports no other grant: %s',
    async (grantType) => {
      const parameters = { grant_type: grantType, username: 'a', password: 'b', code: 'c', refresh_token: 'd' }
      expect(await oauthError(await post(form(parameters, bearer())))).toMatchObject({
        status: 400,
        error: 'unsupported_grant_type',
      })
    },
  )

  test('R24 returns the token type as Bearer', async () => {
    expect((await exchange(service, key.secret)).token_type).toBe('Bearer')
  })
})

describe('the lifetime of a token', () => {
  test('is the requested one, up to the maximum', async () => {
    expect((await exchange(service, key.secret, { expires_in: '60' })).expires_in).toBe(60)
    expect((await exchange(service, key.secret, { expires_in: '1000000' })).expires_in).toBe(3600)
  })

  test.each(['0', '-5', '1.5', 'soon', '1e3'])('cannot be requested as %j', async (expiresIn) => {
    const response = await post(form({ expires_in: expiresIn }, bearer()))
    expect(await oauthError(response)).toMatchObject({ status: 400, error: 'invalid_request' })
  })
})
