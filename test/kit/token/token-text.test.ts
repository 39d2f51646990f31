import { describe, expect, test } from 'vitest'
import { longestTokenText, readTokenText } from '../../../src/kit/token/token-text.ts'

describe('readTokenText', () => {
  test('splits a compact JWS without decoding it', () => {
    expect(readTokenText('AAAA.BBBB.CCCC')).toEqual({
      text: 'AAAA.BBBB.CCCC',
      header: 'AAAA',
      payload: 'BBBB',
      signature: 'CCCC',
      signingInput: 'AAAA.BBBB',
    })
  })

  test.each([
    [''],
    ['.'],
    ['..'],
    ['AAAA'],
    ['AAAA.BBBB'],
    ['AAAA.BBBB.'],
    ['.BBBB.CCCC'],
    ['AAAA..CCCC'],
    ['AAAA.BBBB.CCCC.'],
    ['AAAA.BBBB.CCCC.DDDD.EEEE'],
    ['AAAA.BBBB.CC=='],
    ['AAAA.BBBB.CC+/'],
    ['AAAA.BBBB.CCCC\n'],
    [' AAAA.BBBB.CCCC'],
    ['AAAA.BB BB.CCCC'],
    ['AAAA.BBBB.CCC\u0000'],
    ['AAAA.BBBB.CCCÇ'],
    ['AAAA.BBBB.ＣＣＣＣ'],
    ['{"protected":"AAAA","payload":"BBBB","signature":"CCCC"}'],
  ])('%j is malformed', (text) => {
    expect(readTokenText(text)).toBe('malformed')
  })

  test.each([
    ['a part of length 1 mod 4', 'AAAAA.BBBB.CCCC'],
    ['spare bits in two last characters', 'AAAA.BBBB.CR'],
    ['spare bits in three last characters', 'AAAA.BBBB.CCB'],
    ['spare bits in the header', 'AB.BBBB.CCCC'],
    ['spare bits in the payload', 'AAAA.BBBBBB.CCCC'],
  ])('%s is malformed', (_, text) => {
    expect(readTokenText(text)).toBe('malformed')
  })

  test('every accepted text decodes and encodes to itself', () => {
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
    for (const first of alphabet) {
      for (const last of alphabet) {
        for (const part of [first + last, `A${first}${last}`]) {
          const isCanonical = Buffer.from(part, 'base64url').toString('base64url') === part
          expect(typeof readTokenText(`AAAA.BBBB.${part}`)).toBe(isCanonical ? 'object' : 'string')
        }
      }
    }
  })

  test('the longest text is accepted, and one more character is not', () => {
    const rest = '.BBBB.CCCC'
    expect(readTokenText('A'.repeat(longestTokenText - rest.length - 2) + rest)).toBeTypeOf('object')
    expect(readTokenText('A'.repeat(longestTokenText - rest.length + 2) + rest)).toBe('too_long')
    expect(readTokenText('.'.repeat(100_000))).toBe('too_long')
  })
})

test.each(['!AAA.AAAA.AAAA', 'AAAA.AAAA.AAAA\n', ' AAA.AAAA.AAAA', 'AAAA.AAAA.AAA!', 'éAAA.AAAA.AAAA'])(
  '%j is malformed, from the first character to the last',
  (text) => {
    expect(readTokenText(text)).toBe('malformed')
  },
)

test('a text of 8,192 characters is read, and a longer one is not', () => {
  const text = (length: number) => `AAAA.${'A'.repeat(length - 10)}.AAAA`
  expect(readTokenText(text(8192))).not.toBe('too_long')
  expect(readTokenText(text(8193))).toBe('too_long')
})
