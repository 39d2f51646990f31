import { describe, expect, test } from 'vitest'
import type { FeedRevocationListOptions } from '../../../src/kit/revocation/feed.ts'
import { RevocationListUnavailable } from '../../../src/kit/revocation/revocation-list.ts'
import { followedFeed } from '../../support/followed-feed.ts'
import { verdict } from '../../support/revocation-rules.ts'
import { createTestIssuer, encodePart, issuerUrl } from '../../support/test-issuer.ts'

const feed = followedFeed()

describe('a document is refused', () => {
  /** Why the list cannot answer, in its own words. */
  async function refusal(options: Partial<FeedRevocationListOptions> = {}): Promise<string> {
    const list = feed.follow(options)
    await expect(verdict(list, feed.token('j'))).rejects.toThrow(RevocationListUnavailable)
    return list.state().reason ?? ''
  }

  test('unless it comes from an honest service', async () => {
    feed.forge({})
    expect(await verdict(feed.follow(), feed.token('j'))).toBe(false)
  })

  test.each<[string, Record<string, unknown>, RegExp]>([
    ['of another issuer', { iss: 'https://auth.example.evil' }, /another issuer/],
    ['of the issuer with a slash', { iss: `${issuerUrl}/` }, /another issuer/],
    ['that has expired', { exp: 1 }, /expired/],
    ['from the future', { iat: 4_000_000_000 }, /future/],
    ['without a time', { iat: undefined }, /shape/],
    ['with a time that is text', { iat: '1793613600' }, /shape/],
    ['with an expiry that is null', { exp: null }, /shape/],
    ['with a generation that is not an integer', { generation: 1.5 }, /shape/],
    ['with a sequence that is text', { sequence: '12' }, /shape/],
    ['with a negative sequence', { sequence: -1 }, /shape/],
    ['with a sequence that JSON cannot hold exactly', { sequence: 2 ** 53 }, /shape/],
    ['without a sequence', { sequence: undefined }, /shape/],
    ['since a text', { since: '1&x=2' }, /shape/],
    ['whose rules are a list', { rules: [] }, /shape/],
    ['whose rules are null', { rules: null }, /shape/],
    ['with a name in clear', { rules: { 'token:j': [[1, null, null, null]] } }, /malformed name/],
    ['with a rule that is not a list', { rules: { [`${'A'.repeat(21)}Q`]: [{}] } }, /malformed rule/],
    ['with a rule that is cut', { rules: { [`${'A'.repeat(21)}Q`]: [[1, null]] } }, /malformed rule/],
    [
      'with a time that is not a number',
      { rules: { [`${'A'.repeat(21)}Q`]: [['1', null, null, null]] } },
      /malformed rule/,
    ],
    ['that is a delta without a request', { since: 1 }, /none was requested/],
  ])('%s', async (_, changes, reason) => {
    feed.forge(changes)
    expect(await refusal()).toMatch(reason)
  })

  test('if it has another type, such as an access token', async () => {
    for (const typ of [
      'at+jwt',
      'JWT',
      'MINTAGE-REVOCATIONS-V2+JWT',
      'mintage-revocations-v2+jwt;v=1',
      'mintage-revocations+jwt',
    ]) {
      feed.forge({}, { typ })
      expect(await refusal()).toMatch(/another type/)
    }
  })

  test('if its key is not a record key, the token key included', async () => {
    feed.forge({}, { key: await createTestIssuer('ES256', 'another-key') })
    expect(await refusal()).toMatch(/a key that is not a record key/)
  })

  test('if it was changed after signing', async () => {
    feed.service.misbehave = async (_, honest) => {
      const text = await (await honest()).text()
      const [header, , signature] = text.split('.')
      return new Response(`${header}.${encodePart(feed.claims())}.${signature}`)
    }
    expect(await refusal()).toMatch(/signature is wrong/)
  })

  test.each(['', '{}', 'a.b', 'a.b.c.d', 'e30.e30.e30', 'é.é.é', '.'.repeat(100_000)])(
    'if it is %j instead of a JWS',
    async (body) => {
      feed.service.misbehave = () => new Response(body)
      expect(await refusal()).toMatch(/refused/)
    },
  )

  test('if its header contains a key, an extension or no algorithm', async () => {
    for (const extra of [
      { jwk: {} },
      { jku: 'https://evil.example' },
      { crit: ['exp'] },
      { alg: 'none' },
      { alg: 'HS256' },
      { kid: '../x' },
    ]) {
      feed.service.misbehave = async (_, honest) => {
        const [header = '', payload, signature] = (await (await honest()).text()).split('.')
        const changed = { ...JSON.parse(Buffer.from(header, 'base64url').toString()), ...extra }
        return new Response(`${encodePart(changed)}.${payload}.${signature}`)
      }
      expect(await refusal()).toMatch(/refused/)
    }
  })

  test('if it exceeds the size limit', async () => {
    feed.service.misbehave = () => new Response('a'.repeat(5000))
    expect(await refusal({ maximumBytes: 4999 })).toMatch(/more than 4999 bytes/)
  })

  test('if it comes through a redirect, with an error, or not at all', async () => {
    feed.service.misbehave = () => new Response(null, { status: 302, headers: { location: 'https://evil.example/' } })
    expect(await refusal()).toMatch(/status 302/)
    feed.service.misbehave = () => new Response('{}', { status: 503 })
    expect(await refusal()).toMatch(/status 503/)
    feed.service.misbehave = () => new Response(null, { status: 304 })
    expect(await refusal()).toMatch(/status 304/)
    feed.service.misbehave = () => new Promise<Response>(() => {})
    expect(await refusal({ timeoutMilliseconds: 20 })).toMatch(/no answer/)
  })
})
