import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createTestApp, createTestIssuer, createTestVerifier, type TestIssuer } from '../support/test-issuer.ts'

/**
 * Credentials in the wrong place, at a route of an application. For the routes of the service see
 * http-credentials.test.ts.
 */
let issuer: TestIssuer
let guarded: ReturnType<typeof createTestApp>
let token: string
beforeAll(async () => {
  issuer = await createTestIssuer()
})
beforeEach(async () => {
  guarded = createTestApp(createTestVerifier(issuer).verify)
  token = await issuer.token()
})

describe('A26 · two Authorization headers', () => {
  test.each<[string, (token: string) => [string, string]]>([
    ['two Bearer', (token) => [`Bearer ${token}`, `Bearer ${token}`]],
    ['a good and a bad Bearer', (token) => [`Bearer ${token}`, 'Bearer x']],
    ['Bearer and Basic', (token) => [`Bearer ${token}`, 'Basic YTpi']],
    ['Basic and Bearer', (token) => ['Basic YTpi', `Bearer ${token}`]],
  ])('A26 · %s are 400, whichever comes first', async (_, values) => {
    const headers = new Headers()
    for (const value of values(token)) headers.append('authorization', value)
    expect((await guarded.app.request('/orders', { headers })).status).toBe(400)
  })
})

test('A27 · an X-API-Key beside the token is not read, and does not replace it', async () => {
  expect((await guarded.request({ authorization: `Bearer ${token}`, 'x-api-key': 'another' })).status).toBe(200)
  expect((await guarded.request({ authorization: 'Bearer x', 'x-api-key': token })).status).toBe(401)
  expect((await guarded.request({ 'x-api-key': token })).status).toBe(401)
})

describe('A28 · a token outside the header', () => {
  test.each(['access_token=', 'a=b&access_token=', 'access%5ftoken=', '%61ccess_token='])(
    'A28 · in the query as %s gives 400',
    async (name) => {
      const response = await guarded.request({}, `/orders?${name}${token}`)
      expect([response.status, guarded.reasons]).toEqual([400, ['credential_in_url']])
      expect(await response.text()).not.toContain(token)
    },
  )

  test.each<[string, (token: string) => Record<string, string>]>([
    ['a cookie', (token) => ({ cookie: `access_token=${token}; Authorization=Bearer ${token}` })],
    ['the referrer', (token) => ({ referer: `https://app.example/?access_token=${token}` })],
    [
      'a forwarded header',
      (token) => ({ 'x-forwarded-authorization': `Bearer ${token}`, 'proxy-authorization': `Bearer ${token}` }),
    ],
    ['a method override', (token) => ({ 'x-http-method-override': 'GET', 'x-access-token': token })],
  ])('A28 · in %s opens nothing', async (_, headers) => {
    expect((await guarded.request(headers(token))).status).toBe(401)
  })
})
