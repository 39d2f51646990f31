import { describe, expect, test } from 'vitest'
import { localKeySet } from '../../../src/kit/key-sets/local-key-set.ts'
import { createVerifier, type Fetch, type VerifierOptions } from '../../../src/kit/verify.ts'

const apiKey = `mk_live_${'x'.repeat(49)}`
type Sent = { url: string; headers: Headers }

/** Fetches what a verifier needs first, and returns every request that it sent. */
async function fetchesOf(options: Partial<VerifierOptions>, jwksUri?: string): Promise<Sent[]> {
  const issuer = options.issuer ?? 'https://auth.example'
  const sent: Sent[] = []
  const fetch: Fetch = async (url, init) => {
    sent.push({ url, headers: new Headers(init.headers) })
    if (url.includes('oauth-authorization-server')) {
      return Response.json({
        issuer,
        jwks_uri: jwksUri ?? `${issuer}/.well-known/jwks.json`,
        revocations_uri: `${issuer}/revocations`,
      })
    }
    return Response.json({ keys: [] })
  }
  const verifier = createVerifier({ issuer, audience: 'https://api.example', fetch, ...options })
  await verifier.ready(100).catch(() => undefined)
  await verifier.close()
  return sent
}

const keySetOf = (sent: readonly Sent[]) => sent.find(({ url }) => url.endsWith('jwks.json') || url.endsWith('/keys'))

describe('a verifier', () => {
  test('sends its name when it fetches the key set, and nowhere else', async () => {
    const sent = await fetchesOf({ name: 'billing-api' })
    expect(sent.length).toBeGreaterThan(1)
    for (const { url, headers } of sent) {
      expect([url, headers.get('mintage-verifier')]).toEqual([url, url.endsWith('jwks.json') ? 'billing-api' : null])
      expect(headers.has('authorization')).toBe(false)
    }
  })

  test('sends its API key only when it fetches the key set, past all caches', async () => {
    const sent = await fetchesOf({ name: 'billing-api', apiKey })
    for (const { url, headers } of sent) {
      expect([url, headers.get('authorization')]).toEqual([url, url.endsWith('jwks.json') ? `Bearer ${apiKey}` : null])
    }
    expect(keySetOf(sent)?.headers.get('cache-control')).toBe('no-cache')
  })

  test('without a name or an API key sends neither', async () => {
    const headers = keySetOf(await fetchesOf({}))?.headers
    expect([headers?.has('authorization'), headers?.has('mintage-verifier')]).toEqual([false, false])
  })

  test.each([
    ['another host', {}, 'https://keys.example/keys'],
    ['another port', {}, 'https://auth.example:8443/keys'],
    ['a subdomain', {}, 'https://auth.example.evil/keys'],
    ['https while the issuer is on http', { issuer: 'http://localhost:3000' }, 'https://localhost:3000/keys'],
    ['another host by jwksUrl', { jwksUrl: 'https://keys.example/keys' }, undefined],
  ] as const)('never sends its API key to %s', async (_, options, jwksUri) => {
    const set = keySetOf(await fetchesOf({ apiKey, name: 'a', ...options }, jwksUri))
    expect([set?.headers.has('authorization'), set?.headers.get('mintage-verifier')]).toEqual([false, 'a'])
  })

  test('with an https issuer never sends anything over http', async () => {
    const sent = await fetchesOf({ apiKey, name: 'a' }, 'http://auth.example/.well-known/jwks.json')
    expect(keySetOf(sent)).toBeUndefined()
  })

  test('sends its API key over http only if the issuer is on loopback', async () => {
    const sent = await fetchesOf({ apiKey, issuer: 'http://localhost:3000' })
    expect(keySetOf(sent)?.headers.get('authorization')).toBe(`Bearer ${apiKey}`)
  })

  test.each([
    ['a name with a space', { name: 'billing api' }],
    ['an empty name', { name: '' }],
    ['a name of 65 characters', { name: 'a'.repeat(65) }],
    ['a name with a line break', { name: 'a\r\nAuthorization: x' }],
    ['an empty key', { apiKey: '' }],
    ['a key with a line break', { apiKey: `${apiKey}\n` }],
    ['a key with a comma', { apiKey: `${apiKey},${apiKey}` }],
    ['a name for keys that are not fetched', { name: 'a', keys: localKeySet(async () => ({ keys: [] })) }],
  ])('cannot be created with %s, and the error does not repeat the value', (_, options) => {
    const make = () => createVerifier({ issuer: 'https://auth.example', audience: 'https://api.example', ...options })
    expect(make).toThrow(TypeError)
    expect(make).not.toThrow(apiKey)
  })
})
