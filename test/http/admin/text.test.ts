import { beforeAll, describe, expect, test } from 'vitest'
import { generateApiKey } from '../../../src/api-keys/format.ts'
import { type AdminCall, adminClient } from '../../support/admin-client.ts'
import { startTestService } from '../../support/test-service.ts'

let root: AdminCall

beforeAll(async () => {
  const service = await startTestService()
  root = adminClient(service, service.rootKey)
})

/** Where a new name or other text for people goes. */
const places: readonly [string, (text: string) => readonly [path: string, body: object]][] = [
  ['name of an API key', (name) => ['/v1/api-keys', { name }]],
  ['description of an API key', (description) => ['/v1/api-keys', { name: 'x', description }]],
  ['label of an API key', (label) => ['/v1/api-keys', { name: 'x', labels: [label] }]],
  ['name of an organization', (name) => ['/v1/organizations', { name }]],
  ['name of a service account', (name) => ['/v1/service-accounts', { name }]],
]

describe.each(places)('as the %s', (_, request) => {
  const wrongKey = generateApiKey('live').replace(/.$/, (last) => (last === '0' ? '1' : '0'))

  test.each([
    ['text that turns around', 'a\u202eb'],
    ['text with an isolate', '\u2066admin\u2069'],
    ['text with a direction mark', 'admin\u200f'],
    ['a zero-width space', 'ad\u200bmin'],
    ['a soft hyphen', 'ad\u00admin'],
    ['a byte order mark', '\ufeffadmin'],
    ['invisible tags', 'x\u{e0061}\u{e0062}'],
    ['a line separator', 'a\u2028b'],
    ['an API key with a wrong checksum', wrongKey],
    ['most of an API key', `old ${wrongKey.slice(0, 40)}…`],
    ['a key with another prefix', wrongKey.replace('mk', 'acme')],
  ])('%s is refused', async (_, text) => {
    const answer = await root('POST', ...request(text))
    expect(answer.status).toBe(400)
    expect(answer.text).not.toContain(wrongKey.slice(8, 30))
  })

  test.each(['Grüße 😀', '👩‍👩‍👧 family', 'می‌خواهم', 'مفتاح', 'key_live_2026', 'orders (live) #3', '한글'])(
    '%s is accepted',
    async (text) => {
      expect((await root('POST', ...request(text))).status).toBe(201)
    },
  )
})

test.each([
  ['a space', ' '],
  ['a no-break space', '\u00a0'],
  ['a joiner', '\u200d'],
  ['a variation selector', '\ufe0f'],
  ['a Hangul filler', '\u3164'],
  ['an empty Braille pattern', '\u2800'],
  ['a combining grapheme joiner', '\u034f'],
])('a name that is only %s is refused', async (_, name) => {
  for (const path of ['/v1/api-keys', '/v1/organizations', '/v1/service-accounts']) {
    expect((await root('POST', path, { name })).status, path).toBe(400)
  }
})
