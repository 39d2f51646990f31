import { beforeAll, describe, expect, test } from 'vitest'
import { lines, listenForTest, sendRaw } from '../support/raw-http.ts'
import { issuer, startTestService, type TestService } from '../support/test-service.ts'

let service: TestService
let secret: string

beforeAll(async () => {
  service = await startTestService()
  secret = (await service.createKey()).secret
})

const type = 'Content-Type: application/x-www-form-urlencoded'
const body = 'grant_type=client_credentials'
/** The request that an attacker wants to smuggle into another connection. */
const smuggled = 'GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n'

describe('A29 a request with an ambiguous length', () => {
  test.each([
    [
      'Content-Length and Transfer-Encoding',
      ['Content-Length: 4', 'Transfer-Encoding: chunked'],
      `0\r\n\r\n${smuggled}`,
    ],
    ['two different Content-Lengths', ['Content-Length: 0', 'Content-Length: 48'], smuggled],
    ['a list of Content-Lengths', ['Content-Length: 0, 48'], smuggled],
    ['a Content-Length with a sign', ['Content-Length: +0'], smuggled],
    ['two Transfer-Encodings', ['Transfer-Encoding: chunked', 'Transfer-Encoding: identity'], `0\r\n\r\n${smuggled}`],
    ['an unknown Transfer-Encoding', ['Transfer-Encoding: xchunked'], `0\r\n\r\n${smuggled}`],
    ['a folded header', ['X-A: b', ' c', 'Content-Length: 0'], ''],
    ['a space before the colon', ['Content-Length : 0'], smuggled],
    ['a NUL in a header', ['X-A: b\0c', 'Content-Length: 0'], ''],
    ['a chunk size that is not a number', ['Transfer-Encoding: chunked'], 'zz\r\n'],
  ])('is refused, and its connection closed: %s', async (_, framing, rest) => {
    const port = await listenForTest(service)
    const head = lines('POST /token HTTP/1.1', 'Host: localhost', `Authorization: Bearer ${secret}`, type, ...framing)
    const answer = await sendRaw(port, [head + rest])
    expect(answer.status).toBe(400)
    expect(answer.closed).toBe(true)
    expect(answer.text.match(/HTTP\/1\.1/g)).toHaveLength(1)
    expect(answer.text).not.toContain('access_token')
  })

  test('is refused with bare line feeds', async () => {
    const port = await listenForTest(service)
    const answer = await sendRaw(port, [
      `POST /token HTTP/1.1\nHost: localhost\nAuthorization: Bearer ${secret}\nContent-Length: 0\n\n`,
    ])
    expect(answer.status).toBe(400)
    expect(answer.closed).toBe(true)
  })
})

describe('A30 a request that lies about its host', () => {
  const metadata = '/.well-known/oauth-authorization-server'

  test.each([
    ['another host', [`GET ${metadata} HTTP/1.1`, 'Host: evil.example']],
    ['two hosts', [`GET ${metadata} HTTP/1.1`, 'Host: auth.example', 'Host: evil.example']],
    ['an absolute target', [`GET http://evil.example${metadata} HTTP/1.1`, 'Host: auth.example']],
    [
      'a forwarded host',
      [`GET ${metadata} HTTP/1.1`, 'Host: auth.example', 'X-Forwarded-Host: evil.example', 'X-Forwarded-Proto: ftp'],
    ],
    [
      'a Forwarded header',
      [`GET ${metadata} HTTP/1.1`, 'Host: auth.example', 'Forwarded: host=evil.example;proto=ftp'],
    ],
    ['a port and a user', [`GET ${metadata} HTTP/1.1`, 'Host: user@evil.example:99']],
  ])('does not change the issuer or a link: %s', async (_, head) => {
    const port = await listenForTest(service)
    const answer = await sendRaw(port, [lines(...head, 'Connection: close')])
    expect(answer.text).not.toContain('evil.example')
    if (answer.status === 200) expect(answer.text).toContain(`"issuer":"${issuer}"`)
    else expect(answer.status).toBe(400)
  })

  test.each(['/token', '/healthz', '/v1/me', '/unknown'])('is refused with two Host lines at %s', async (path) => {
    const port = await listenForTest(service)
    for (const [first, second] of [
      ['Host: auth.example', 'Host: auth.example'],
      ['Host: auth.example', 'hOST: evil.example'],
    ] as const) {
      const head = [`GET ${path} HTTP/1.1`, first, `Authorization: Bearer ${secret}`, second, 'Connection: close']
      const answer = await sendRaw(port, [lines(...head)])
      expect(answer.status).toBe(400)
      expect(answer.text).toContain('more than one Host header')
    }
  })

  test('gets a token of the configured issuer, whatever its host', async () => {
    const port = await listenForTest(service)
    const head = lines(
      'POST /token HTTP/1.1',
      'Host: evil.example',
      `Authorization: Bearer ${secret}`,
      type,
      `Content-Length: ${body.length}`,
      'Connection: close',
    )
    const answer = await sendRaw(port, [head + body])
    expect(answer.status).toBe(200)
    const [, claims = ''] = /"access_token":"([^"]+)"/.exec(answer.text)?.[1]?.split('.') ?? []
    expect(JSON.parse(Buffer.from(claims, 'base64url').toString())).toMatchObject({ iss: issuer, aud: `${issuer}/api` })
  })
})
