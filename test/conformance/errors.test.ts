import { beforeAll, describe, expect, test } from 'vitest'
import { generateApiKey } from '../../src/api-keys/format.ts'
import { createApp } from '../../src/app.ts'
import { form } from '../support/oauth-requests.ts'
import { startTestService, type TestService } from '../support/test-service.ts'
import { withDatabaseAway } from '../support/unreachable-database.ts'

let service: TestService
const secret = generateApiKey('live')

beforeAll(async () => {
  service = await startTestService()
})

describe('problem details (RFC 9457)', () => {
  test.each([
    ['a path that is not there', () => service.request('/nowhere'), 404],
    ['a caller without a credential', () => service.request('/v1/api-keys'), 401],
    ['a method that is not taken', () => service.request('/.well-known/jwks.json', { method: 'DELETE' }), 405],
    ['a body that is not JSON', () => service.request('/v1/api-keys', admin('POST', '{"name":')), 400],
    ['a thing that is not there', () => service.request('/v1/api-keys/key_0', admin('GET')), 404],
    [
      'a database that is away',
      () => withDatabaseAway(service).request('/v1/api-keys', { headers: { 'X-API-Key': secret } }),
      503,
    ],
  ])('R121 describe %s', async (_, ask, status) => {
    const response = await ask()
    expect(response.status).toBe(status)
    expect(response.headers.get('content-type')).toBe('application/problem+json')
    const text = await response.text()
    expect(JSON.parse(text)).toMatchObject({
      type: expect.stringMatching(/^urn:mintage:problem:[a-z_]+$/),
      title: expect.any(String),
      status,
      detail: expect.any(String),
      instance: expect.stringMatching(/^urn:mintage:request:req_[\w-]{22}$/),
    })
    expect(text).not.toMatch(/select |insert |stack|\bat .*:\d+:\d+|node_modules|mk_/)
  })
})

describe('errors of the OAuth endpoints', () => {
  test.each(['/token', '/introspect', '/revoke'])(
    'R122 keep the OAuth form at %s, whatever went wrong',
    async (path) => {
      const large = form({ token: 'x'.repeat(100_000), subject_token: 'x' })
      const attempts: [Promise<Response>, number][] = [
        [service.request(path), 405],
        [service.request(path, { method: 'POST', body: '{}', headers: { 'Content-Type': 'application/json' } }), 400],
        [service.request(path, large), 413],
        [service.request(path, form({ token: 'x' }, { 'Content-Encoding': 'gzip' })), 415],
        [service.request(path, form({ token: 'x' }, { Authorization: 'Bearer wrong' })), 401],
        [withDatabaseAway(service).request(path, form({ token: 'x' }, { Authorization: `Bearer ${secret}` })), 503],
      ]
      for (const [asked, status] of attempts) {
        const response = await asked
        expect(response.status).toBe(status)
        expect(response.headers.get('content-type')).toBe('application/json')
        expect(response.headers.get('cache-control')).toBe('no-store')
        expect(await response.json()).toEqual({
          error: expect.stringMatching(/^[a-z_]+$/),
          error_description: expect.any(String),
        })
      }
    },
  )

  test('R23 an unreachable database gives 503, no-store, and Retry-After', async () => {
    const response = await withDatabaseAway(service).request('/token', {
      method: 'POST',
      headers: { 'X-API-Key': secret },
    })
    expect(response.status).toBe(503)
    expect(response.headers.get('cache-control')).toBe('no-store')
    expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0)
    expect(await response.json()).toMatchObject({ error: 'temporarily_unavailable' })
  })

  test('an internal error reveals nothing about its cause', async () => {
    const broken = new Proxy(service.services, {
      get(target, name, receiver) {
        if (name === 'apiKeys') throw new Error(`select secret from api_keys where hash = '${secret}'`)
        return Reflect.get(target, name, receiver)
      },
    })
    const response = await createApp(() => broken).request('/token', {
      method: 'POST',
      headers: { 'X-API-Key': secret },
    })
    expect(response.status).toBe(500)
    expect(await response.json()).toEqual({
      error: 'server_error',
      error_description:
        'Something went wrong in the service. If it happens again, give the request id to its operator.',
    })
    expect(JSON.stringify(service.logged)).not.toContain(secret)
  })
})

function admin(method: string, body?: string): RequestInit {
  return {
    method,
    headers: { 'X-API-Key': service.rootKey, 'Content-Type': 'application/json' },
    ...(body === undefined ? {} : { body }),
  }
}
