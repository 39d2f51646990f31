import { beforeAll, describe, expect, test } from 'vitest'
import { type AdminCall, adminClient } from '../../support/admin-client.ts'
import { startTestService, type TestService } from '../../support/test-service.ts'

let service: TestService
let root: AdminCall

beforeAll(async () => {
  service = await startTestService()
  root = adminClient(service, service.rootKey)
})

const sent = async (body: string | Uint8Array<ArrayBuffer>) =>
  await service.request('/v1/api-keys', {
    method: 'POST',
    headers: { Authorization: `Bearer ${service.rootKey}`, 'Content-Type': 'application/json' },
    body,
  })

const bytes = (text: string) => new TextEncoder().encode(text)

describe('a JSON body is refused, and nothing is created', () => {
  test.each([
    ['with a byte order mark before it', '\ufeff{"name":"marked"}', 'byte order mark'],
    ['with a claim __proto__', '{"name":"lost","customClaims":{"__proto__":{"plan":"gold"}}}', '__proto__'],
    ['with a member __proto__', '{"name":"lost","__proto__":{"scopes":["a"]}}', '__proto__'],
    [
      'with an escaped __proto__ in a list',
      '{"name":"lost","customClaims":{"a":[{"__\\u0070roto__":1}]}}',
      '__proto__',
    ],
    ['with two members of the same name', '{"name":"lost","name":"kept"}', 'two members of the same name'],
    [
      'with two claims of the same name',
      '{"name":"lost","customClaims":{"a":1,"\\u0061":2}}',
      'two members of the same name',
    ],
    ['with two byte order marks', '\ufeff\ufeff{"name":"marked"}', 'byte order mark'],
  ])('%s', async (_, body, words) => {
    const before = await root('GET', '/v1/api-keys?limit=200')
    const response = await sent(body)
    expect(response.status).toBe(400)
    expect(await response.json()).toMatchObject({ code: 'invalid_request', detail: expect.stringContaining(words) })
    expect((await root('GET', '/v1/api-keys?limit=200')).text).toBe(before.text)
  })

  test('with bytes that are not UTF-8', async () => {
    const body = bytes('{"name":"x?"}').map((byte) => (byte === 0x3f ? 0xff : byte))
    const response = await sent(body)
    expect(response.status).toBe(400)
    expect(await response.json()).toMatchObject({ detail: expect.stringContaining('UTF-8') })
  })
})

test('a JSON body may have colons, quotes and equal names in different objects', async () => {
  const customClaims = { a: { b: 'x:"y":{' }, c: [{ b: 1 }, { b: 2 }], constructor: null }
  const created = await root('POST', '/v1/api-keys', { name: 'fine: "ü" 😀', customClaims })
  expect(created.status).toBe(201)
  expect(created.body.apiKey).toMatchObject({ name: 'fine: "ü" 😀', customClaims })
})
