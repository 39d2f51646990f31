import { Hono } from 'hono'
import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { requireAccessToken } from '../../src/kit/hono.ts'
import { RevocationListUnavailable } from '../../src/kit/revocation/revocation-list.ts'
import {
  audience,
  createTestApp,
  createTestIssuer,
  createTestVerifier,
  startSeconds,
  type TestIssuer,
} from '../support/test-issuer.ts'

/** RFC 6750, through the middleware as an application mounts it. */
let issuer: TestIssuer
let guarded: ReturnType<typeof createTestApp>
let token: string
beforeAll(async () => {
  issuer = await createTestIssuer()
})
beforeEach(async () => {
  guarded = createTestApp(createTestVerifier(issuer).verify, ['orders:read', 'orders:delete'])
  token = await issuer.token({ claims: { scope: 'orders:read orders:delete' } })
})

const challengeOf = (response: Response) => response.headers.get('www-authenticate')
const realm = `Bearer realm="${audience}"`

test.each(['Bearer', 'bearer', 'BEARER', 'bEaReR'])(
  'R65 · %s is accepted: the scheme is not case-sensitive',
  async (scheme) => {
    expect((await guarded.request({ authorization: `${scheme} ${token}` })).status).toBe(200)
  },
)

test.each([
  ['two spaces', (token: string) => `Bearer  ${token}`],
  ['no token', () => 'Bearer'],
  ['two tokens', (token: string) => `Bearer ${token} ${token}`],
  ['a parameter behind it', (token: string) => `Bearer ${token} realm="x"`],
])('R65 · a Bearer header with %s is 400 invalid_request', async (_, header) => {
  const response = await guarded.request({ authorization: header(token) })
  expect(response.status).toBe(400)
  expect(challengeOf(response)).toContain('error="invalid_request"')
})

test('R65 · a token outside the alphabet is malformed: 401 invalid_token', async () => {
  for (const text of [`token="${token}"`, `${token}:x`, `"${token}"`])
    expect(await guarded.answer(text)).toBe('401 invalid_token')
})

describe('R66 · access_token', () => {
  test('R66 · in the query is refused, even beside a valid header', async () => {
    for (const query of ['access_token=', 'x=1&access_token=', 'access%5Ftoken=']) {
      expect((await guarded.request({}, `/orders?${query}${token}`)).status).toBe(400)
      expect((await guarded.request({ authorization: `Bearer ${token}` }, `/orders?${query}${token}`)).status).toBe(400)
    }
  })

  test('R66 · in a form body is not read', async () => {
    const body = new URLSearchParams({ access_token: token })
    expect((await guarded.app.request('/orders', { method: 'POST', body })).status).toBe(401)
  })
})

test('R67 · a token sent in two ways is 400 invalid_request', async () => {
  const both = await guarded.request({ authorization: `Bearer ${token}` }, `/orders?access_token=${token}`)
  const twice = await guarded.request({ authorization: `Bearer ${token}, Bearer ${token}` })
  for (const response of [both, twice]) {
    expect(response.status).toBe(400)
    expect(challengeOf(response)).toContain('error="invalid_request"')
  }
})

test.each([{}, { authorization: 'Basic YTpi' }, { cookie: 'access_token=x' }, { 'x-api-key': 'x' }])(
  'R68 · without a Bearer credential (%j) the challenge has no error',
  async (headers) => {
    const response = await guarded.request(headers)
    expect([response.status, challengeOf(response)]).toEqual([401, realm])
  },
)

describe('R69 · invalid_token', () => {
  test('R70 · invalid, expired and revoked tokens give the same 401', async () => {
    const { verify, revocations, clock } = createTestVerifier(issuer)
    const { request, reasons } = createTestApp(verify)
    revocations.revoke({ kind: 'token', value: 'dead' })
    clock.seconds += 60
    const answers = await Promise.all(
      [
        'garbage',
        await issuer.token({ claims: { exp: startSeconds + 1 } }),
        await issuer.token({ claims: { jti: 'dead' } }),
      ].map(async (text) => {
        const response = await request({ authorization: `Bearer ${text}` })
        return [response.status, challengeOf(response), await response.text()]
      }),
    )
    expect(answers[0]?.[0]).toBe(401)
    expect(answers[0]?.[1]).toMatch(/^Bearer realm="[^"]*", error="invalid_token", error_description="[^"]*"$/)
    expect(answers[1]).toEqual(answers[0])
    expect(answers[2]).toEqual(answers[0])
    expect(reasons).toEqual(expect.arrayContaining(['malformed', 'expired', 'revoked']))
  })
})

test('R70 · a missing scope gives 403, and the challenge names the required scope', async () => {
  const response = await guarded.request({ authorization: `Bearer ${await issuer.token()}` })
  expect(response.status).toBe(403)
  expect(challengeOf(response)).toContain('error="insufficient_scope"')
  expect(challengeOf(response)).toContain('scope="orders:read orders:delete"')
})

describe('R71 · the challenge', () => {
  test('R71 · has each parameter once, quoted, and never the token', async () => {
    const app = new Hono()
    const { verify } = createTestVerifier(issuer)
    const options = {
      realm: 'a "quoted\\ realm',
      resourceMetadata: 'https://api.example/.well-known/oauth-protected-resource',
    }
    app.use(requireAccessToken({ verifier: { verify, audience }, scope: 'orders:delete', ...options }))
    const secret = await issuer.token()
    for (const authorization of [`Bearer ${secret}`, `Bearer ${secret}x`, `Bearer ${secret},`, 'Basic YTpi']) {
      const response = await app.request('/', { headers: { authorization } })
      const challenge = challengeOf(response) ?? ''
      const parameter = /([a-z_]+)=("(?:[^"\\]|\\.)*")/g
      const names = [...challenge.matchAll(parameter)].map(([, name]) => name)
      expect(new Set(names).size).toBe(names.length)
      expect(challenge.replace(parameter, 'P').replaceAll('P, ', '')).toBe('Bearer P')
      expect(challenge).toContain('realm="a \\"quoted\\\\ realm"')
      expect(challenge + (await response.text())).not.toContain(secret.slice(0, 20))
    }
  })

  test('R71 · an answer contains nothing that the caller sent', async () => {
    const response = await guarded.request({ authorization: 'Bearer marker-from-outside' })
    expect(JSON.stringify([...response.headers]) + (await response.text())).not.toContain('marker-from-outside')
  })
})

test.each([
  [
    'the key set',
    () => createTestVerifier(issuer, { keys: { holds: () => false, find: () => Promise.reject(new Error('away')) } }),
    '1',
  ],
  [
    'the revocation list',
    () => {
      const test = createTestVerifier(issuer)
      const stale = { ...test.revocations, isRevoked: () => Promise.reject(new RevocationListUnavailable('stale', 4)) }
      return createTestVerifier(issuer, { revocations: stale })
    },
    '4',
  ],
])(
  'R72 · while %s cannot answer, the response is 503 with Retry-After and no challenge',
  async (_, make, retryAfter) => {
    const { request } = createTestApp(make().verify)
    const response = await request({ authorization: `Bearer ${token}` })
    expect([response.status, response.headers.get('retry-after'), challengeOf(response)]).toEqual([
      503,
      retryAfter,
      null,
    ])
  },
)

test('R73 · every response varies by Authorization, and no refusal is stored', async () => {
  const insufficient = await issuer.token()
  for (const [authorization, status] of [
    [`Bearer ${token}`, 200],
    ['Basic YTpi', 401],
    ['Bearer x', 401],
    [`Bearer ${insufficient}`, 403],
    ['Bearer a, Bearer b', 400],
  ] as const) {
    const response = await guarded.request({ authorization })
    expect([response.status, response.headers.get('vary')]).toEqual([status, 'Authorization'])
    expect(response.headers.get('cache-control')).toBe(status === 200 ? null : 'no-store')
  }
})
