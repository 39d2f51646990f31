import { gzipSync } from 'node:zlib'
import { afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { form, oauthError } from '../support/oauth-requests.ts'
import { lines, listenForTest, sendRaw } from '../support/raw-http.ts'
import { startTestService, type TestService } from '../support/test-service.ts'

let service: TestService
let secret: string

beforeAll(async () => {
  service = await startTestService()
  secret = (await service.createKey()).secret
})

afterEach(() => {
  vi.useRealTimers()
})

const formType = 'application/x-www-form-urlencoded'
const paths = ['/token', '/introspect', '/revoke']
const bearer = () => ({ Authorization: `Bearer ${secret}` })

describe.each(paths)('A35 a body of a misleading type at %s', (path) => {
  test.each([
    ['JSON sent as a form', formType, '{"grant_type":"client_credentials","token":"x"}'],
    [
      'a multipart form',
      'multipart/form-data; boundary=x',
      '--x\r\nContent-Disposition: form-data; name="token"\r\n\r\nx\r\n--x--',
    ],
    ['a form in UTF-16', `${formType}; charset=utf-16`, 'token=x'],
    ['a form in UTF-7', `${formType}; charset=utf-7`, 'token=x'],
    ['a form whose type is followed by another one', `${formType}, application/json`, 'token=x'],
    ['a form of a longer type', `${formType}x`, 'token=x'],
    ['a parameter twice', formType, 'token=x&token=y'],
    ['a parameter twice, once encoded', formType, 'token=x&%74oken=y'],
  ])('is an invalid request: %s', async (_, contentType, body) => {
    const response = await service.request(path, {
      method: 'POST',
      headers: { 'Content-Type': contentType, ...bearer() },
      body,
    })
    if (path === '/token' && body.startsWith('{'))
      expect(response.status).toBe(200) // one unknown parameter beside a good credential
    else expect(await oauthError(response)).toMatchObject({ status: 400, error: 'invalid_request' })
  })
})

describe('A36 an endless body', () => {
  const head = (...more: string[]) =>
    lines(
      'POST /token HTTP/1.1',
      'Host: localhost',
      `Authorization: Bearer ${secret}`,
      `Content-Type: ${formType}`,
      ...more,
    )

  test('of 100 MB is refused before it is read', async () => {
    const port = await listenForTest(service)
    const answer = await sendRaw(port, [head('Content-Length: 104857600')])
    expect(answer.status).toBe(413)
    expect(answer.text).toContain('invalid_request')
  })

  test('of 100 MB in chunks, without a length, is refused while it arrives, and memory does not grow', async () => {
    const port = await listenForTest(service)
    const chunk = `10000\r\n${'a'.repeat(65_536)}\r\n`
    const before = process.memoryUsage().rss
    const answer = await sendRaw(port, [
      head('Transfer-Encoding: chunked'),
      ...Array.from({ length: 1600 }, () => chunk),
    ])
    expect(answer.status).toBe(413)
    expect(process.memoryUsage().rss - before).toBeLessThan(64 * 1024 * 1024)
  })

  test('of more than 29,184 bytes is refused, and of exactly so many read, with or without a length', async () => {
    const port = await listenForTest(service)
    const exactly = `x=${'a'.repeat(29_182)}`
    for (const [body, status] of [
      [exactly, 200],
      [`${exactly}a`, 413],
    ] as const) {
      const plain = await sendRaw(port, [head(`Content-Length: ${body.length}`, 'Connection: close') + body])
      expect(plain.status).toBe(status)
      const chunked = `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`
      expect((await sendRaw(port, [head('Transfer-Encoding: chunked', 'Connection: close') + chunked])).status).toBe(
        status,
      )
      expect(
        (await service.request('/token', { method: 'POST', headers: { 'Content-Type': formType, ...bearer() }, body }))
          .status,
      ).toBe(status)
    }
  })

  test.each(['12x', '-1', '1e3', ''])('with the length %j is refused', async (length) => {
    const response = await service.request('/token', {
      method: 'POST',
      headers: { 'Content-Length': length, ...bearer() },
      body: 'scope=a',
    })
    expect(response.status).not.toBe(200)
    expect(response.status).toBeLessThan(500)
  })

  test.each(paths)('that arrives too slowly is dropped at %s', async (path) => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const body = new ReadableStream({
      start(controller) {
        controller.enqueue(new TextEncoder().encode('grant_type='))
      },
    })
    const asked = service.request(path, streamed(body))
    await vi.advanceTimersByTimeAsync(5_000)
    expect(await oauthError(await asked)).toMatchObject({ status: 408, error: 'invalid_request' })
  })

  test('that breaks off affects nobody else', async () => {
    const body = new ReadableStream({ start: (controller) => controller.error(new Error('reset')) })
    const response = await service.request('/token', streamed(body))
    expect(await oauthError(response)).toMatchObject({ status: 400, error: 'invalid_request' })
    expect(service.logged.filter(({ level }) => level === 'error')).toEqual([])
  })
})

describe.each(paths)('A37 a compressed body at %s', (path) => {
  test.each(['gzip', 'deflate', 'br', 'zstd', 'identity, gzip', 'GZIP', 'made-up'])(
    'is refused without being decompressed: %s',
    async (coding) => {
      const body = gzipSync('token=x')
      const response = await service.request(path, {
        method: 'POST',
        headers: { 'Content-Type': formType, 'Content-Encoding': coding, ...bearer() },
        body,
      })
      expect(await oauthError(response)).toMatchObject({ status: 415, error: 'invalid_request' })
    },
  )

  test('may be declared as uncompressed', async () => {
    const response = await service.request(path, form({ token: 'x' }, { 'Content-Encoding': 'identity', ...bearer() }))
    expect(response.status).toBe(200)
  })
})

/** A streamed body needs `duplex`, which the types of the DOM do not have yet. */
function streamed(body: ReadableStream): RequestInit {
  const init = { method: 'POST', headers: { 'Content-Type': formType, ...bearer() }, body, duplex: 'half' }
  return init
}
