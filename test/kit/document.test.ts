import { describe, expect, test } from 'vitest'
import { type DocumentRequest, fetchDocument, isAcceptableUrl } from '../../src/kit/document.ts'

const url = 'https://auth.example/document'
const load = (fetch: DocumentRequest['fetch'], changes: Partial<DocumentRequest> = {}) =>
  fetchDocument({ fetch, url, timeoutMilliseconds: 1000, maximumBytes: 100, ...changes })

/** Each pull adds one chunk. The stream never ends by itself. */
function endlessBody(onCancel: () => void = () => undefined): ReadableStream<Uint8Array> {
  return new ReadableStream({
    pull: (controller) => controller.enqueue(new Uint8Array(16).fill(0x20)),
    cancel: onCancel,
  })
}

describe('fetchDocument', () => {
  test('returns the JSON and the headers of a 200', async () => {
    const { json, headers } = await load(async () => new Response('{"a":1}', { headers: { age: '3' } }))
    expect(json).toEqual({ a: 1 })
    expect(headers.get('age')).toBe('3')
  })

  test.each([201, 204, 301, 302, 307, 308, 400, 404, 500, 503])(
    'refuses status %i and does not follow redirects',
    async (status) => {
      const seen: string[] = []
      const answer = load(async (target, init) => {
        seen.push(target)
        expect(init.redirect).toBe('manual')
        return new Response(null, { status, headers: { location: 'https://evil.example/' } })
      })
      await expect(answer).rejects.toThrow(`status ${status}`)
      expect(seen).toEqual([url])
    },
  )

  test.each([
    ['nothing', ''],
    ['HTML', '<html>'],
    ['two values', '{}{}'],
    ['invalid UTF-8', new Uint8Array([0x22, 0xff, 0x22])],
  ])('refuses %s', async (_, body) => {
    await expect(load(async () => new Response(body))).rejects.toThrow()
  })

  test('stops reading and refuses when the body exceeds the limit', async () => {
    let isCancelled = false
    const body = endlessBody(() => {
      isCancelled = true
    })
    await expect(load(async () => new Response(body))).rejects.toThrow('more than 100 bytes')
    expect(isCancelled).toBe(true)
  })

  test('gives up on a server that does not respond, even if fetch ignores its signal', async () => {
    await expect(load(() => new Promise(() => undefined), { timeoutMilliseconds: 20 })).rejects.toThrow(
      'no answer within 20 ms',
    )
  })

  test('gives up on a body that never ends', async () => {
    const silent = new ReadableStream<Uint8Array>({ pull: () => new Promise(() => undefined) })
    await expect(load(async () => new Response(silent), { timeoutMilliseconds: 20 })).rejects.toThrow(
      'no answer within 20 ms',
    )
  })

  test('bypasses caches only when told to', async () => {
    const sent: (string | null)[] = []
    const fetch: DocumentRequest['fetch'] = async (_, init) => {
      sent.push(new Headers(init.headers).get('cache-control'))
      return new Response('{}')
    }
    await load(fetch)
    await load(fetch, { noCache: true })
    expect(sent).toEqual([null, 'no-cache'])
  })
})

describe('isAcceptableUrl', () => {
  test.each([
    ['https://keys.example/jwks', 'https://auth.example', true],
    ['http://keys.example/jwks', 'https://auth.example', false],
    ['http://localhost:8787/jwks', 'http://localhost:8787', true],
    ['https://user:pass@keys.example/jwks', 'https://auth.example', false],
    ['file:///etc/passwd', 'https://auth.example', false],
    ['data:application/json,{}', 'https://auth.example', false],
    ['javascript:alert(1)', 'http://localhost', false],
    ['/jwks', 'https://auth.example', false],
    ['', 'https://auth.example', false],
  ])('%s for the issuer %s: %s', (target, issuer, expected) => {
    expect(isAcceptableUrl(target, issuer)).toBe(expected)
  })
})
