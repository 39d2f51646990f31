import { describe, expect, test } from 'vitest'
import { type ClaimsExpectation, readClaims } from '../../../src/kit/token/claims.ts'

const now = 1_700_000_000
const expected: ClaimsExpectation = {
  issuer: 'https://auth.example',
  audience: 'https://api.example',
  environment: 'live',
  clockToleranceSeconds: 30,
  maxTokenLifetimeSeconds: 3600,
}
const honest = {
  iss: 'https://auth.example',
  aud: 'https://api.example',
  sub: 'user 1',
  client_id: 'key_1',
  jti: 'jti-1',
  org_id: 'org_1',
  env: 'live',
  key_version: 1,
  iat: now,
  exp: now + 900,
}
const read = (changes: Record<string, unknown>, expectation: Partial<ClaimsExpectation> = {}) =>
  readClaims({ ...honest, ...changes }, 'kid-1', { ...expected, ...expectation }, now)
const accepted = (changes: Record<string, unknown>, expectation?: Partial<ClaimsExpectation>) => {
  const token = read(changes, expectation)
  if (typeof token === 'string') throw new Error(`refused: ${token}`)
  return token
}

describe('the claims of a token', () => {
  test('become an object for the application that cannot be changed afterwards', () => {
    const token = accepted({ scope: 'orders:read orders:write', roles: ['admin'] })
    expect(token).toMatchObject({
      id: 'jti-1',
      subject: 'user 1',
      clientId: 'key_1',
      keyVersion: 1,
      keyId: 'kid-1',
      audience: [honest.aud],
    })
    expect([...token.scopes]).toEqual(['orders:read', 'orders:write'])
    expect([...token.roles]).toEqual(['admin'])
    expect(Object.isFrozen(token) && Object.isFrozen(token.audience)).toBe(true)
  })

  test.each([{}, { scope: '' }, { roles: [] }])(
    '%j: empty scopes and roles are empty lists, not lists with an empty name',
    (changes) => {
      const token = accepted(changes)
      expect([token.scopes.size, token.roles.size]).toEqual([0, 0])
    },
  )

  test.each<[string, string, Record<string, unknown>]>([
    ['issuer', 'of another issuer', { iss: 'https://auth.example/' }],
    ['issuer', 'of nobody', { iss: undefined }],
    ['audience', 'for nobody', { aud: [] }],
    ['audience', 'without an audience', { aud: undefined }],
    ['audience', 'for somebody else', { aud: ['https://other.example'] }],
    ['audience', 'for a list that holds no text', { aud: ['https://api.example', 1] }],
    ['audience', 'for a list that holds an empty text', { aud: ['https://api.example', ''] }],
    ['claim_missing_or_malformed', 'that never ends', { exp: undefined }],
    ['claim_missing_or_malformed', 'that ends in a text', { exp: String(now + 900) }],
    ['claim_missing_or_malformed', 'that ends in a list', { exp: [now + 900] }],
    ['claim_missing_or_malformed', 'that ends at infinity', { exp: Number.POSITIVE_INFINITY }],
    ['claim_missing_or_malformed', 'that ends within a second', { exp: now + 0.5 }],
    ['claim_missing_or_malformed', 'from no instant', { iat: undefined }],
    ['claim_missing_or_malformed', 'from before 1970', { iat: -1 }],
    ['claim_missing_or_malformed', 'that ends when it begins', { iat: now, exp: now }],
    ['claim_missing_or_malformed', 'valid from no instant', { nbf: null }],
    ['claim_missing_or_malformed', 'without an id', { jti: undefined }],
    ['claim_missing_or_malformed', 'with a blank in its id', { jti: 'a b' }],
    ['claim_missing_or_malformed', 'of no client', { client_id: '' }],
    ['claim_missing_or_malformed', 'of no organization', { org_id: 7 }],
    ['claim_missing_or_malformed', 'about nobody', { sub: '' }],
    ['claim_missing_or_malformed', 'about a control character', { sub: 'a\nb' }],
    ['claim_missing_or_malformed', 'about half a letter', { sub: 'a\ud800' }],
    ['claim_missing_or_malformed', 'about a list', { sub: ['user 1'] }],
    ['claim_missing_or_malformed', 'about too much', { sub: 'x'.repeat(257) }],
    ['claim_missing_or_malformed', 'of no version', { key_version: undefined }],
    ['claim_missing_or_malformed', 'of version 0', { key_version: 0 }],
    ['claim_missing_or_malformed', 'with a list of scopes', { scope: ['orders:read'] }],
    ['claim_missing_or_malformed', 'with two blanks between scopes', { scope: 'a  b' }],
    ['claim_missing_or_malformed', 'with null for a scope', { scope: null }],
    ['claim_missing_or_malformed', 'with a role that is no list', { roles: 'admin' }],
    ['claim_missing_or_malformed', 'with an empty role', { roles: ['admin', ''] }],
    ['environment', 'of another environment', { env: 'test' }],
    ['environment', 'of no environment', { env: undefined }],
  ])('%s: a token %s is refused for that', (reason, _, changes) => {
    expect(read(changes)).toBe(reason)
  })

  test('a token of the test environment is accepted if the verifier asks for test or for any environment', () => {
    for (const environment of ['test', undefined] as const)
      expect(accepted({ env: 'test' }, { environment }).environment).toBe('test')
    expect(read({ env: 'other' }, { environment: undefined })).toBe('environment')
  })

  test('a subject may have 256 characters in any language', () => {
    expect(accepted({ sub: 'ü'.repeat(256) }).subject).toBe('ü'.repeat(256))
  })

  test('a token is expired from its exp plus the tolerance, to the second', () => {
    expect(read({ iat: now - 900, exp: now - 30 })).toBe('expired')
    expect(accepted({ iat: now - 900, exp: now - 29 }).expiresAt).toBe(now - 29)
    expect(read({ iat: now - 900, exp: now }, { clockToleranceSeconds: 0 })).toBe('expired')
  })

  test('a token may come from a clock that is fast by the tolerance, and no more', () => {
    expect(accepted({ iat: now + 30 }).issuedAt).toBe(now + 30)
    expect(read({ iat: now + 31 })).toBe('not_yet_valid')
    expect(accepted({ nbf: now + 30 }).issuedAt).toBe(now)
    expect(read({ nbf: now + 31 })).toBe('not_yet_valid')
    expect(accepted({ nbf: now - 5 }).issuedAt).toBe(now)
  })

  test('a token may live as long as the verifier allows, and not a second longer', () => {
    expect(accepted({ exp: now + 3600 }).expiresAt).toBe(now + 3600)
    expect(read({ exp: now + 3601 })).toBe('lifetime_too_long')
  })
})
