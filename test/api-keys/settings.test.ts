import { describe, expect, test } from 'vitest'
import { type ApiKeyInput, draftApiKey, type TokenConfig } from '../../src/api-keys/settings.ts'
import { defaultSettings } from '../support/api-key-defaults.ts'

const now = new Date('2026-11-20T12:00:00.000Z')
const config: TokenConfig = {
  apiKeyPrefixes: ['mk'],
  issuer: 'https://auth.example',
  audience: 'https://auth.example/api',
}
const input: ApiKeyInput = { name: 'orders', environment: 'live' }

test('a key without settings gets the defaults', () => {
  expect(draftApiKey(input, now, config)).toEqual({ ...input, ...defaultSettings })
})

test('duplicates are removed', () => {
  const draft = draftApiKey(
    { ...input, scopes: ['a', 'b', 'a'], audiences: ['x', 'x'], roles: ['admin', 'admin'] },
    now,
    config,
  )
  expect(draft).toMatchObject({ scopes: ['a', 'b'], audiences: ['x'], roles: ['admin'] })
})

test('CIDR ranges are stored in canonical form, without duplicates', () => {
  const draft = draftApiKey(
    { ...input, allowedCidrs: ['192.0.2.7', '::ffff:192.0.2.7/128'], deniedCidrs: ['2001:DB8:0::/48'] },
    now,
    config,
  )
  expect(draft).toMatchObject({ allowedCidrs: ['192.0.2.7/32'], deniedCidrs: ['2001:db8::/48'] })
})

test('an empty object of claims means none', () => {
  expect(draftApiKey({ ...input, customClaims: {} }, now, config).customClaims).toBeNull()
  expect(draftApiKey({ ...input, customClaims: { plan: 'gold' } }, now, config).customClaims).toEqual({ plan: 'gold' })
})

describe('refuses', () => {
  test.each<[string, Partial<ApiKeyInput>]>([
    ['a scope with a space', { scopes: ['orders:read orders:write'] }],
    ['an empty scope', { scopes: [''] }],
    ['a scope with a quote', { scopes: ['a"b'] }],
    ['a scope with a backslash', { scopes: ['a\\b'] }],
    ['a scope outside ASCII', { scopes: ['rеad'] }],
    ['a scope with NUL', { scopes: ['a\0'] }],
    ['an empty audience', { audiences: [''] }],
    ['an audience with a space', { audiences: ['https://a.example https://b.example'] }],
    ['roles on a test key', { environment: 'test', roles: ['admin'] }],
    ['an expiry in the past', { expiresAt: new Date(now.getTime() - 1) }],
    ['an expiry right now', { expiresAt: now }],
    ['an expiry that is not a date', { expiresAt: new Date(Number.NaN) }],
    ['a subject that looks like an API key', { subject: 'key_0192f0c4a1b27c3d8e4f5a6b7c8d9e0f' }],
    ['a subject that looks like an organization', { subject: 'org_' }],
    ['a subject that looks like a person of the service', { subject: 'usr_1' }],
    ['an invalid range', { allowedCidrs: ['10.0.0.0/8', 'localhost'] }],
    ['a range with bits beyond its prefix', { deniedCidrs: ['10.0.0.1/8'] }],
    ['a claim of the service', { customClaims: { org_id: 'org_1' } }],
    ['a subject that looks like an API key in upper case', { subject: 'KEY_1' }],
  ])('%s', (_, change) => {
    expect(() => draftApiKey({ ...input, ...change }, now, config)).toThrow(
      expect.objectContaining({ code: 'invalid_request' }),
    )
  })
})

test.each(['alice', 'https://people.example/7', 'robot key_1', 'organization'])(
  '%s is accepted as a subject',
  (subject) => {
    expect(draftApiKey({ ...input, subject }, now, config).subject).toBe(subject)
  },
)
