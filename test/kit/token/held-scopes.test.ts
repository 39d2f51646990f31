import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { hasScopes, scopeCovers } from '../../../src/kit/token/held-scopes.ts'

describe('a held scope', () => {
  test.each([
    ['orders:read', 'orders:read'],
    ['*', 'orders:read'],
    ['*', '*'],
    ['*', 'orders:*'],
    ['orders:*', 'orders:read'],
    ['orders:*', 'orders:*'],
    ['orders:*', 'orders:items:read'],
    ['orders:*', 'orders:items:*'],
    ['a:b:*', 'a:b:c'],
  ])('%j covers %j', (held, asked) => {
    expect(scopeCovers(held, asked)).toBe(true)
  })

  test.each([
    ['orders:*', '*'],
    ['orders:*', 'orders'],
    ['orders:*', 'orders:'],
    ['orders:*', 'order:read'],
    ['orders:*', 'ordersummary:read'],
    ['orders:*', 'Orders:read'],
    ['orders:*', 'x:orders:read'],
    ['orders:items:*', 'orders:*'],
    ['orders:items:*', 'orders:read'],
    ['orders:read', 'orders:*'],
    ['orders:read', '*'],
    ['ord*', 'orders'],
    ['orders*', 'orders:read'],
    ['*:read', 'orders:read'],
    ['orders:*:read', 'orders:items:read'],
    ['**', 'orders:read'],
    ['', 'orders:read'],
    ['.*', 'orders:read'],
  ])('%j does not cover %j', (held, asked) => {
    expect(scopeCovers(held, asked)).toBe(false)
  })
})

const segment = fc.constantFrom('a', 'b', 'ab', '*', 'a*', '')
const scope = fc
  .array(segment, { minLength: 1, maxLength: 4 })
  .map((segments) => segments.join(':'))
  .filter((text) => text !== '')
/** The wildcards written out: every scope that a wildcard covers begins with the text before its star. */
const isWildcard = (text: string) => text === '*' || text.endsWith(':*')
const begin = (text: string) => text.slice(0, -1)

describe('any held scope and any required scope', () => {
  test('a scope covers itself, and if it covers another scope, all that this one covers', () => {
    fc.assert(
      fc.property(scope, scope, scope, (one, two, three) => {
        expect(scopeCovers(one, one)).toBe(true)
        if (scopeCovers(one, two) && scopeCovers(two, three)) expect(scopeCovers(one, three)).toBe(true)
      }),
      { numRuns: 2000 },
    )
  })

  test('two scopes that cover each other are equal: no scope is wider than itself', () => {
    fc.assert(
      fc.property(scope, scope, (one, two) => {
        if (scopeCovers(one, two) && scopeCovers(two, one)) expect(one).toBe(two)
      }),
      { numRuns: 2000 },
    )
  })

  test('only a wildcard covers another one, which begins with the text before its star', () => {
    fc.assert(
      fc.property(scope, scope, (held, asked) => {
        if (held === asked || !scopeCovers(held, asked)) return
        expect(isWildcard(held)).toBe(true)
        expect(asked.startsWith(begin(held)) && asked.length > begin(held).length).toBe(true)
      }),
      { numRuns: 2000 },
    )
  })

  test('with an empty list, all is true and any is false', () => {
    expect([hasScopes([], [], 'all'), hasScopes([], [], 'any')]).toEqual([true, false])
    expect([hasScopes(['*'], [], 'all'), hasScopes(['*'], [], 'any')]).toEqual([true, false])
  })

  test('all and any agree with every and some, for any form of list', () => {
    const scopes = fc.array(scope, { maxLength: 4 })
    fc.assert(
      fc.property(scopes, scopes, (held, required) => {
        const holds = (asked: string) => held.some((one) => scopeCovers(one, asked))
        expect(hasScopes(new Set(held), required, 'all')).toBe(required.every(holds))
        expect(hasScopes(held, new Set(required), 'any')).toBe(required.some(holds))
      }),
      { numRuns: 2000 },
    )
  })
})
