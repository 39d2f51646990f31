import { describe, expect, test } from 'vitest'
import { checkResource, narrowAudience } from '../../src/oauth/audience.ts'

const rules = { issuer: 'https://auth.example', defaultAudience: 'https://auth.example/api' }
const plain = { audiences: ['https://b.example', 'billing'], roles: [] }
const admin = { audiences: [], roles: ['admin'] }
const root = { audiences: ['https://b.example'], roles: ['root'] }

describe('the audience of a token', () => {
  test('is the default without a request', () => {
    expect(narrowAudience([], plain, rules)).toEqual(['https://auth.example/api'])
    expect(narrowAudience([], admin, rules)).toEqual(['https://auth.example/api'])
  })

  test('is exactly what was requested, without duplicates', () => {
    expect(narrowAudience(['billing', 'https://b.example', 'billing'], plain, rules)).toEqual([
      'billing',
      'https://b.example',
    ])
  })

  test.each([
    ['with a trailing slash', 'https://b.example/'],
    ['in another case', 'https://B.example'],
    ['as a prefix', 'https://b.example.evil'],
    ['over http', 'http://b.example'],
    ['that no key has', 'https://c.example'],
    ['of the admin API', 'https://auth.example'],
    ['named like a member of every object', 'constructor'],
  ])('%s is refused to a key that does not hold it', (_, audience) => {
    expect(() => narrowAudience([audience], plain, rules)).toThrow('invalid_target')
    expect(() => narrowAudience(['billing', audience], plain, rules)).toThrow('invalid_target')
  })

  test('of a root key is only the service itself', () => {
    expect(narrowAudience([], root, rules)).toEqual(['https://auth.example'])
    expect(narrowAudience(['https://auth.example'], root, rules)).toEqual(['https://auth.example'])
    expect(() => narrowAudience(['https://b.example'], root, rules)).toThrow('invalid_target')
    expect(() => narrowAudience(['https://auth.example/api'], root, rules)).toThrow('invalid_target')
  })

  test('of the admin API needs a role or the audience itself, and is given only on request', () => {
    expect(narrowAudience(['https://auth.example'], admin, rules)).toEqual(['https://auth.example'])
    expect(narrowAudience(['https://auth.example'], { audiences: ['https://auth.example'], roles: [] }, rules)).toEqual(
      ['https://auth.example'],
    )
  })

  test('of the admin API is never combined with another', () => {
    expect(() => narrowAudience(['https://auth.example', 'https://auth.example/api'], admin, rules)).toThrow(
      'invalid_target',
    )
  })
})

describe('a resource', () => {
  test.each([
    'https://b.example',
    'https://b.example/orders?v=2',
    'urn:example:orders',
    'https://[2001:db8::1]:8443/a%20b',
  ])('may be %s', (uri) => {
    expect(checkResource(uri)).toBe(uri)
  })

  test.each([
    'b.example',
    '/orders',
    '//b.example',
    'https://b.example#part',
    'https://b.example/#',
    'https:',
    'https://b.example/a b',
    'https://b.example/%zz',
    ' https://b.example',
    'https://b.example/\u0000',
    'https://bücher.example',
    '1https://b.example',
  ])('is refused as %j', (uri) => {
    expect(() => checkResource(uri)).toThrow('invalid_target')
  })
})
