import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { accessTokenClaims, tokenLifetime } from '../../src/oauth/claims.ts'

const facts = {
  tokenId: 'token-1',
  issuer: 'https://auth.example',
  audiences: ['https://b.example'],
  clientId: 'key_1',
  keyVersion: 3,
  organizationId: 'org_1',
  environment: 'live',
  subject: null,
  scopes: ['b', 'a'],
  roles: [],
  issuedAt: 1000,
  expiresAt: 1900,
} as const

describe('the claims of an access token', () => {
  test('are these and no others', () => {
    expect(JSON.parse(JSON.stringify(accessTokenClaims(facts)))).toEqual({
      iss: 'https://auth.example',
      sub: 'key_1',
      aud: 'https://b.example',
      client_id: 'key_1',
      iat: 1000,
      exp: 1900,
      jti: 'token-1',
      scope: 'b a',
      org_id: 'org_1',
      env: 'live',
      key_version: 3,
    })
  })

  test('hold the subject of the key if it has one', () => {
    expect(accessTokenClaims({ ...facts, subject: 'customer-7' })).toMatchObject({
      sub: 'customer-7',
      client_id: 'key_1',
    })
  })

  test('hold several audiences as an array', () => {
    expect(accessTokenClaims({ ...facts, audiences: ['a', 'b'] }).aud).toEqual(['a', 'b'])
  })

  test('hold a scope and roles only if there are any', () => {
    const claims = JSON.parse(JSON.stringify(accessTokenClaims({ ...facts, scopes: [], roles: ['admin'] })))
    expect(claims).not.toHaveProperty('scope')
    expect(claims.roles).toEqual(['admin'])
  })
})

describe('the lifetime of a token', () => {
  const limits = { defaultSeconds: 900, maximumSeconds: 3600, ends: [] }
  const at = (seconds: number) => new Date(seconds * 1000)

  test.each([
    ['is the default without a request', undefined, 900],
    ['is the requested one', 60, 60],
    ['is the maximum when more is requested', 7200, 3600],
    ['is the maximum when infinity is requested', Number.POSITIVE_INFINITY, 3600],
  ])('%s', (_, requested, lifetime) => {
    expect(tokenLifetime(at(1000), requested, limits)).toEqual({
      issuedAt: 1000,
      expiresAt: 1000 + lifetime,
      expiresInSeconds: lifetime,
    })
  })

  test('begins with the whole second in which the request arrived', () => {
    expect(tokenLifetime(at(1000.999), undefined, limits)).toEqual({
      issuedAt: 1000,
      expiresAt: 1900,
      expiresInSeconds: 899,
    })
  })

  test('never exceeds the earliest end, the maximum or the requested time', () => {
    const end = fc.option(fc.integer({ min: 1_000_001, max: 9_000_000 }).map((milliseconds) => new Date(milliseconds)))
    fc.assert(
      fc.property(
        fc.array(end, { maxLength: 3 }),
        fc.option(fc.integer({ min: 1 }), { nil: undefined }),
        (ends, requested) => {
          const { issuedAt, expiresAt } = tokenLifetime(at(1000), requested, { ...limits, ends })
          for (const end of ends) if (end) expect(expiresAt * 1000).toBeLessThanOrEqual(end.getTime())
          expect(expiresAt - issuedAt).toBeLessThanOrEqual(Math.min(requested ?? 900, 3600))
          expect(Number.isInteger(expiresAt)).toBe(true)
        },
      ),
    )
  })

  test.each([
    ['within the second', 1000.2, 1000.7],
    ['with the next second', 1000.2, 1001],
    ['within the next second', 1000.2, 1001.9],
    ['at a time in the past', 1000.2, 999],
  ])('is zero when the key ends %s', (_, received, end) => {
    expect(tokenLifetime(at(received), 1, { ...limits, ends: [at(end)] }).expiresInSeconds).toBe(0)
  })

  test('is one second when one was requested in the middle of a second', () => {
    expect(tokenLifetime(at(1000.2), 1, limits)).toEqual({ issuedAt: 1000, expiresAt: 1001, expiresInSeconds: 1 })
  })
})
