import { beforeAll, describe, expect, test } from 'vitest'
import { basic, exchange, form, oauthError } from '../support/oauth-requests.ts'
import { lines, listenForTest, sendRaw } from '../support/raw-http.ts'
import { startTestService, type TestService } from '../support/test-service.ts'

let service: TestService
let key: { id: string; secret: string }
let other: { id: string; secret: string }

beforeAll(async () => {
  service = await startTestService()
  key = await service.createKey()
  other = await service.createKey()
})

const refused = { status: 400, error: 'invalid_request' }

function headers(...pairs: [string, string][]): Headers {
  const all = new Headers()
  for (const [name, value] of pairs) all.append(name, value)
  return all
}

describe.each(['/token', '/introspect', '/revoke'])('A26 two Authorization headers at %s', (path) => {
  test.each([
    ['Bearer twice', () => [`Bearer ${key.secret}`, `Bearer ${key.secret}`] as const],
    ['Bearer and Basic', () => [`Bearer ${key.secret}`, basic(key.id, key.secret)] as const],
    ['Basic and Bearer', () => [basic(key.id, key.secret), `Bearer ${other.secret}`] as const],
  ])('are refused: %s', async (_, values) => {
    const [first, second] = values()
    const both = headers(['Authorization', first], ['Authorization', second])
    expect(await oauthError(await service.request(path, { method: 'POST', headers: both }))).toMatchObject(refused)
  })
})

test('A26 two Authorization lines on one connection are refused too', async () => {
  const port = await listenForTest(service)
  const line = `Authorization: Bearer ${key.secret}`
  const answer = await sendRaw(port, [
    lines('POST /token HTTP/1.1', 'Host: localhost', line, line, 'Content-Length: 0', 'Connection: close'),
  ])
  expect(answer.status).toBe(400)
  expect(answer.text).not.toContain('access_token')
})

describe('A27 two principals in one request', () => {
  test.each(['/token', '/introspect', '/revoke'])('are refused at %s, and neither is used', async (path) => {
    const target = await exchange(service, key.secret)
    const request = form(
      { token: target.access_token },
      { Authorization: `Bearer ${key.secret}`, 'X-API-Key': other.secret },
    )
    expect(await oauthError(await service.request(path, request))).toMatchObject(refused)
    const asked = await service.request(
      '/introspect',
      form({ token: target.access_token }, { 'X-API-Key': key.secret }),
    )
    expect(await asked.json()).toMatchObject({ active: true })
  })

  test('are refused on the admin API', async () => {
    const both = { Authorization: `Bearer ${key.secret}`, 'X-API-Key': service.rootKey }
    expect((await service.request('/v1/api-keys', { headers: both })).status).toBe(400)
  })
})

describe('A28 a key in the wrong place', () => {
  test.each([
    ['the query', 400, () => service.request(`/token?api_key=${key.secret}`, { method: 'POST' })],
    ['the query, beside a good credential', 400, () => service.request(`/token?x=${key.secret}`, bearer())],
    ['an empty query, beside a good credential', 400, () => service.request('/token?', bearer())],
    ['a query that is percent-encoded', 400, () => service.request(`/token?%61pi_key=${key.secret}`, bearer())],
    ['the path', 400, () => service.request(`/token/${key.secret}`, { method: 'POST' })],
    [
      'a cookie',
      400,
      () => service.request('/token', { method: 'POST', headers: { Cookie: `api_key=${key.secret}` } }),
    ],
    [
      'the referrer',
      400,
      () => service.request('/token', { method: 'POST', headers: { Referer: `https://a.example/?k=${key.secret}` } }),
    ],
    ['the agent', 400, () => service.request('/token', { method: 'POST', headers: { 'User-Agent': key.secret } })],
    ['the query of the admin API', 400, () => service.request(`/v1/me?access_token=${service.rootKey}`)],
  ])('opens nothing and is not logged: %s', async (_, status, ask) => {
    const response = await ask()
    expect(response.status).toBe(status)
    expect(await response.text()).not.toMatch(/mk_(live|test)_/)
    expect(JSON.stringify(service.logged)).not.toMatch(/mk_(live|test)_[0-9A-Za-z]/)
  })

  test('opens nothing in a fragment, which clients must not send', async () => {
    const port = await listenForTest(service)
    const answer = await sendRaw(port, [
      lines(`POST /token#${key.secret} HTTP/1.1`, 'Host: localhost', 'Content-Length: 0', 'Connection: close'),
    ])
    expect(answer.status).toBe(400)
    expect(JSON.stringify(service.logged)).not.toContain(key.secret)
  })
})

function bearer(): RequestInit {
  return { method: 'POST', headers: { Authorization: `Bearer ${key.secret}` } }
}
