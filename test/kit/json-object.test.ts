import { describe, expect, test } from 'vitest'
import { readJsonObject } from '../../src/kit/json-object.ts'
import { encodePart } from '../support/test-issuer.ts'

const read = (json: string | Uint8Array) => readJsonObject(encodePart(json))
const bytes = (...values: number[]) => new Uint8Array(values)

describe('readJsonObject', () => {
  test.each([
    ['{}'],
    ['{"a":1}'],
    ['{"a":{"a":{"a":1}}}'],
    ['{"a":[{"b":1},{"b":1}]}'],
    ['{"a":":","b":"\\":\\"","c":"\\\\"}'],
    ['{"a:b":1,"a":"{\\"a\\":1}"}'],
    [' { "a" : 1 } '],
    ['{"ü":"€","\\u00e4":"\\ud83d\\ude00"}'],
  ])('reads %s', (json) => {
    expect(read(json)).toEqual(JSON.parse(json))
  })

  test.each([
    ['{"a":1,"a":1}'],
    ['{"a":1,"\\u0061":2}'],
    ['{"a":{"b":1,"b":2}}'],
    ['{"a":[[{"b":1,"c":":","b":2}]]}'],
    ['{"":1,"":2}'],
    ['{"a\\"":1,"a\\"":2}'],
    ['{"constructor":1,"constructor":2}'],
  ])('%s has two members with the same name', (json) => {
    expect(read(json)).toBe('duplicate_member')
  })

  test.each([['[]'], ['"a"'], ['1'], ['null'], ['true']])('%s is not an object', (json) => {
    expect(read(json)).toBe('not_an_object')
  })

  test.each([
    ['{'],
    ['{"a":1,}'],
    ["{'a':1}"],
    ['{"a":NaN}'],
    ['{"a":1} x'],
    ['{"a":01}'],
    ['{"a":"\t"}'],
    ['{"__proto__":1}'],
    ['{"a":{"__proto__":{}}}'],
  ])('%s is malformed', (json) => {
    expect(read(json)).toBe('malformed')
  })

  test.each([
    ['a byte order mark', bytes(0xef, 0xbb, 0xbf, 0x7b, 0x7d)],
    ['UTF-16', bytes(0x7b, 0x00, 0x7d, 0x00)],
    ['UTF-16 with its mark', bytes(0xff, 0xfe, 0x7b, 0x00, 0x7d, 0x00)],
    ['a lone continuation byte', bytes(0x7b, 0x22, 0x80, 0x22, 0x3a, 0x31, 0x7d)],
    ['an overlong slash', bytes(0x7b, 0x22, 0xc0, 0xaf, 0x22, 0x3a, 0x31, 0x7d)],
    ['an encoded surrogate', bytes(0x7b, 0x22, 0xed, 0xa0, 0x80, 0x22, 0x3a, 0x31, 0x7d)],
    ['a truncated character', bytes(0x7b, 0x22, 0xe2, 0x82, 0x22, 0x3a, 0x31, 0x7d)],
  ])('%s is malformed', (_, json) => {
    expect(read(json)).toBe('malformed')
  })

  test('32 levels of nesting are accepted and 33 are not', () => {
    const nested = (levels: number) => `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`
    expect(read(nested(32))).toBeTypeOf('object')
    expect(read(nested(33))).toBe('malformed')
    expect(read(`{"a":${'['.repeat(2000)}${']'.repeat(2000)}}`)).toBe('malformed')
  })

  test('the result cannot be changed at any depth', () => {
    const value = read('{"a":{"b":[{"c":1}]}}')
    expect(() => Object.assign(value, { a: 1 })).toThrow(TypeError)
    expect(value).toSatisfy(
      (read) => Object.isFrozen(read.a) && Object.isFrozen(read.a.b) && Object.isFrozen(read.a.b[0]),
    )
  })
})
