import { describe, expect, test } from 'vitest'
import { faultInCustomClaims } from '../../src/api-keys/custom-claims.ts'

test.each([
  [{}],
  [{ plan: 'gold' }],
  [{ 'https://acme.example/tenant': { id: 7, regions: ['eu', null, true, -0.5] } }],
  [{ constructor: 'x', toString: 'y' }],
  [{ text: 'ünïcödé 😀\n' }],
])('%j is accepted', (claims) => {
  expect(faultInCustomClaims(claims)).toBeUndefined()
})

describe('names with a meaning are refused', () => {
  test.each([
    ...['iss', 'sub', 'aud', 'exp', 'nbf', 'iat', 'jti', 'client_id', 'scope', 'org_id', 'env', 'key_version', 'roles'],
    ...[
      'act',
      'may_act',
      'cnf',
      'azp',
      'nonce',
      'email',
      'groups',
      'entitlements',
      'authorization_details',
      'events',
      'sid',
      'name',
    ],
  ])('%s', (name) => {
    expect(faultInCustomClaims({ [name]: 1 })).toMatch(/reserved/)
  })

  test('in any case, and no longer names', () => {
    expect(faultInCustomClaims({ Iss: 1 })).toMatch(/reserved/)
    expect(faultInCustomClaims({ iss_hint: 1, roles2: 1 })).toBeUndefined()
  })
})

describe('values that cannot be signed, stored and read back unchanged are refused', () => {
  let deep: unknown = 1
  for (let level = 0; level < 16; level += 1) deep = [deep]
  test.each<[string, Record<string, unknown>]>([
    ['an empty name', { '': 1 }],
    ['a name with a space', { 'a b': 1 }],
    ['a name outside ASCII', { plаn: 1 }],
    ['a name with NUL', { 'a\0': 1 }],
    ['a name of 129 characters', { ['a'.repeat(129)]: 1 }],
    ['NUL in a text', { a: ['x\0'] }],
    ['NUL in an inner name', { a: { 'x\0': 1 } }],
    ['half of a surrogate pair', { a: '\ud800' }],
    ['NaN', { a: Number.NaN }],
    ['1e400', JSON.parse('{"a":1e400}')],
    ['a prototype', JSON.parse('{"a":{"__proto__":{}}}')],
    ['a prototype at the top', JSON.parse('{"__proto__":{"admin":true}}')],
    ['seventeen levels', { a: deep }],
    ['more than 4 KB', { a: 'x'.repeat(4089) }],
    ['more than 4 KB of two-byte characters', { a: 'é'.repeat(2045) }],
    ['a function', { a: () => 1 }],
    ['undefined', { a: undefined }],
  ])('%s', (_, claims) => {
    expect(faultInCustomClaims(claims)).toMatch(/^customClaims /)
  })

  test('the limit is exact to the byte', () => {
    expect(JSON.stringify({ a: 'x'.repeat(4088) })).toHaveLength(4096)
    expect(faultInCustomClaims({ a: 'x'.repeat(4088) })).toBeUndefined()
  })

  test('nesting too deep for a parser is refused too', () => {
    let bottomless: unknown = 1
    for (let level = 0; level < 5000; level += 1) bottomless = [bottomless]
    expect(faultInCustomClaims({ a: bottomless })).toMatch(/levels/)
  })

  test('the refusal does not repeat the claims', () => {
    expect(faultInCustomClaims({ 'sécret name': 1 })).not.toMatch(/sécret/)
  })
})
