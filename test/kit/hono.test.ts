import { Hono } from 'hono'
import { beforeAll, describe, expect, test } from 'vitest'
import { requireAccessToken } from '../../src/kit/hono.ts'
import {
  audience,
  createTestApp,
  createTestIssuer,
  createTestVerifier,
  type TestIssuer,
} from '../support/test-issuer.ts'

let issuer: TestIssuer
let verify: ReturnType<typeof createTestVerifier>['verify']
beforeAll(async () => {
  issuer = await createTestIssuer()
  verify = createTestVerifier(issuer).verify
})

test('a handler finds the verified token on c.var.accessToken', async () => {
  const { request } = createTestApp(verify, 'orders:read')
  const response = await request({ authorization: `Bearer ${await issuer.token()}` })
  expect([response.status, await response.json()]).toEqual([200, { by: 'key_0001' }])
})

test('the middleware has a name for stack traces', () => {
  expect(requireAccessToken({ verifier: { verify, audience } }).name).toBe('requireAccessToken')
})

test.each(['GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'HEAD', 'OPTIONS', 'PROPFIND'])(
  '%s is refused without a token',
  async (method) => {
    const { app } = createTestApp(verify)
    const response = await app.request('/orders', { method, headers: { 'x-http-method-override': 'TRACE' } })
    expect(response.status).toBe(401)
  },
)

describe('scope', () => {
  test.each([
    [undefined, undefined, 200],
    ['orders:read', 'orders:read', 200],
    ['orders:read orders:write', 'orders:read', 403],
    [['orders:read', 'orders:write'], 'orders:write orders:read', 200],
    [['orders:read', 'orders:write'], 'orders:read', 403],
    ['read', 'readonly', 403],
    ['readonly', 'read', 403],
    ['read', 'orders:read', 403],
    ['orders', 'orders:read', 403],
    ['orders:read', 'orders:*', 200],
    ['orders:read orders:items:write', 'orders:*', 200],
    ['orders:read', '*', 200],
    ['orders:read invoices:read', 'orders:*', 403],
    ['orders:*', 'orders:read orders:write', 403],
    ['orders:*', 'orders:*', 200],
    ['orders', 'orders:*', 403],
    ['ordersummary:read', 'orders:*', 403],
    ['orders:read', 'ord*', 403],
    ['orders:read', 'orders*', 403],
    ['orders:read', '*:read', 403],
    [{ any: ['orders:read', 'orders:admin'] }, 'orders:admin', 200],
    [{ any: ['orders:read', 'orders:admin'] }, 'orders:*', 200],
    [{ any: ['orders:read', 'orders:admin'] }, 'orders:write', 403],
    [{ any: ['orders:read'] }, undefined, 403],
    ['ORDERS:READ', 'orders:read', 403],
    ['orders:read', undefined, 403],
    ['constructor', 'orders:read', 403],
  ])('a route that needs %j answers a token that has %j with %i', async (needed, held, status) => {
    const { request } = createTestApp(verify, needed)
    const token = await issuer.token({ claims: { scope: held } })
    expect((await request({ authorization: `Bearer ${token}` })).status).toBe(status)
  })

  test.each([
    [''],
    [' '],
    ['a  b'],
    ['a "b"'],
    [[]],
    [['']],
    [['a b']],
    [['a', 1]],
    [['ä']],
    ['a\tb'],
    [{ any: [] }],
    [{ any: 'a' }],
    [{ any: ['a b'] }],
    [{ any: ['a'], all: ['b'] }],
    [{ some: ['a'] }],
    [null],
  ])('%j is refused at construction', (scope) => {
    expect(() => requireAccessToken({ verifier: { verify, audience }, scope: Object(scope).valueOf() })).toThrow(
      TypeError,
    )
  })
})

describe('construction', () => {
  test.each([
    ['no verifier', { verifier: undefined }],
    ['a verifier without an audience', { verifier: { verify: () => undefined } }],
    ['a realm with a line break', { realm: 'a\r\nSet-Cookie: x' }],
    ['resource metadata that is not a URL', { resourceMetadata: '/.well-known/oauth-protected-resource' }],
  ])('%s is refused', (_, options) => {
    expect(() => requireAccessToken(Object.assign({ verifier: { verify, audience } }, options))).toThrow(TypeError)
  })
})

describe('Vary: Authorization', () => {
  const respond = async (answer: () => Response | Promise<Response>) => {
    const app = new Hono()
    app.use(requireAccessToken({ verifier: { verify, audience } }))
    app.get('/', answer)
    return await app.request('/', { headers: { authorization: `Bearer ${await issuer.token()}` } })
  }

  test('is on a response that the handler built itself', async () => {
    expect((await respond(() => new Response('x'))).headers.get('vary')).toBe('Authorization')
  })

  test('is on a response whose headers cannot be changed', async () => {
    const immutable = async () => await fetch('data:text/plain,hello')
    const response = await respond(immutable)
    expect([response.headers.get('vary'), await response.text()]).toEqual(['Authorization', 'hello'])
  })

  test('is added once to the Vary header of the handler', async () => {
    expect((await respond(() => new Response('x', { headers: { vary: 'Accept' } }))).headers.get('vary')).toBe(
      'Accept, Authorization',
    )
    expect((await respond(() => new Response('x', { headers: { vary: 'authorization' } }))).headers.get('vary')).toBe(
      'authorization',
    )
  })

  test('is on the response to an error in the handler', async () => {
    const app = new Hono()
    app.use(requireAccessToken({ verifier: { verify, audience } }))
    app.get('/', () => {
      throw new Error('boom')
    })
    app.onError((_, c) => c.text('sorry', 500))
    const response = await app.request('/', { headers: { authorization: `Bearer ${await issuer.token()}` } })
    expect([response.status, response.headers.get('vary')]).toEqual([500, 'Authorization'])
  })
})

test('an error that is not a refusal is not turned into one', async () => {
  const app = new Hono()
  app.use(
    requireAccessToken({
      verifier: {
        audience,
        verify() {
          throw new Error('a fault of the program')
        },
      },
    }),
  )
  app.get('/', (c) => c.text('never'))
  app.onError((_, c) => c.text('fault', 500))
  expect(await (await app.request('/', { headers: { authorization: 'Bearer x' } })).text()).toBe('fault')
})
