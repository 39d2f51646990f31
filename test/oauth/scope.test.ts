import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isScopeToken, narrowScope, parseScope } from '../../src/oauth/scope.ts'

describe('a scope', () => {
  test('is a list of tokens in which order and repetition do not matter', () => {
    expect(parseScope('b a b')).toEqual(new Set(['a', 'b']))
  })

  test('keeps the case of its tokens', () => {
    expect(parseScope('Read read')).toEqual(new Set(['Read', 'read']))
  })

  test.each([
    ['nothing', ''],
    ['a space', ' '],
    ['a leading space', ' a'],
    ['a trailing space', 'a '],
    ['two spaces', 'a  b'],
    ['a tab', 'a\tb'],
    ['a no-break space', 'a\u00a0b'],
    ['a line break', 'a\nb'],
    ['a quote', 'a"b'],
    ['a backslash', 'a\\b'],
    ['a NUL', 'admin\u0000'],
    ['fullwidth letters', 'ａｄｍｉｎ'],
    ['an emoji', 'orders:🔑'],
  ])('with %s is refused', (_, text) => {
    expect(() => parseScope(text)).toThrow('invalid_scope')
  })

  test('accepts exactly the characters of the grammar', () => {
    for (let code = 0; code < 0x180; code += 1) {
      const allowed = code === 0x21 || (code >= 0x23 && code <= 0x5b) || (code >= 0x5d && code <= 0x7e)
      expect(isScopeToken(String.fromCharCode(code)), `U+${code.toString(16)}`).toBe(allowed)
    }
  })

  test('of 10,000 tokens is read, each token once', () => {
    expect(parseScope(Array.from({ length: 10_000 }, (_, index) => `s${index % 100}`).join(' ')).size).toBe(100)
  })
})

describe('the granted scope', () => {
  test('is everything that the key holds if the request names none', () => {
    expect(narrowScope(undefined, ['a', 'b'])).toEqual(['a', 'b'])
  })

  test.each([
    ['a prefix', 'read', 'readonly'],
    ['an extension', 'readonly', 'read'],
    ['another case', 'READ', 'read'],
    ['a member of every object', '__proto__', 'read'],
  ])('is refused when the request is only %s of a held scope', (_, asked, held) => {
    expect(() => narrowScope(new Set([asked]), [held])).toThrow('invalid_scope')
  })

  test('is the requested scope, not the wildcard that covers it', () => {
    expect(narrowScope(new Set(['orders:read', 'orders:items:*']), ['orders:*', 'invoices:read'])).toEqual([
      'orders:read',
      'orders:items:*',
    ])
    expect(narrowScope(new Set(['anything']), ['*'])).toEqual(['anything'])
    expect(narrowScope(undefined, ['orders:*'])).toEqual(['orders:*'])
  })

  test.each(['*', 'orders', 'order:read', 'orders:*'])('is refused when %j is wider than the held scopes', (asked) => {
    expect(() => narrowScope(new Set([asked]), ['orders:items:*', 'orders:read'])).toThrow('invalid_scope')
  })

  test('is never more than the key holds, whatever is requested', () => {
    const tokens = fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 4 })
    fc.assert(
      fc.property(tokens, tokens, (asked, held) => {
        const grant = () => narrowScope(new Set(asked), held)
        if (asked.every((scope) => held.includes(scope))) expect(new Set(grant())).toEqual(new Set(asked))
        else expect(grant).toThrow('invalid_scope')
      }),
    )
  })
})
