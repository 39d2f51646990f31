import { expect, test } from 'vitest'
import { FeedRefused, feedRule, readFeedClaims } from '../../../src/kit/revocation/feed-document.ts'

const expected = { issuer: 'https://auth.example', now: 1000, clockToleranceSeconds: 30 }
const honest = {
  iss: 'https://auth.example',
  iat: 1000,
  exp: 1010,
  generation: 1,
  sequence: 1,
  rules: {},
}

test('a valid document is accepted', () => {
  expect(readFeedClaims(honest, expected).claims).toMatchObject(honest)
})

test.each<[string, unknown]>([
  ['nothing', undefined],
  ['null', null],
  ['a text', 'text'],
  ['a number', 7],
  ['a list', []],
  ['no rules', { ...honest, rules: undefined }],
  ['rules that are null', { ...honest, rules: null }],
  ['rules that are a text', { ...honest, rules: 'x' }],
  ['an invalid time', { ...honest, iat: Number.NaN }],
  ['a time in quotes', { ...honest, iat: '1000' }],
  ['an invalid expiry', { ...honest, exp: Number.POSITIVE_INFINITY }],
  ['half a generation', { ...honest, generation: 1.5 }],
  ['a sequence in quotes', { ...honest, sequence: '1' }],
  ['a sequence that JSON cannot hold exactly', { ...honest, sequence: 2 ** 53 }],
  ['half a sequence', { ...honest, sequence: 1.5 }],
  ['a beginning of another kind', { ...honest, since: '7' }],
  ['a beginning that is negative', { ...honest, since: -1 }],
  ['a name of another length', { ...honest, rules: { short: [] } }],
  ['a name without its rules', { ...honest, rules: { ['a'.repeat(22)]: null } }],
  ['an invalid rule', { ...honest, rules: { ['a'.repeat(22)]: [7] } }],
  ['a first version that is a text', { ...honest, rules: { ['a'.repeat(22)]: [[7, null, null, 3, '3']] } }],
])('a signed document with %s is refused as a whole', (_, payload) => {
  expect(() => readFeedClaims(payload, expected)).toThrow(FeedRefused)
})

test('a rule without a first version has the four elements that every reader knows; a fifth one is the first version', () => {
  const rule = { effectiveAt: 7, issuedBefore: null, expiresAt: 9, maxVersion: 3, minVersion: null }
  const name = 'a'.repeat(22)
  for (const [written, sent] of [
    [rule, [7, null, 9, 3]],
    [{ ...rule, effectiveAt: null }, [null, null, 9, 3]],
    [{ ...rule, minVersion: 3 }, [7, null, 9, 3, 3]],
    [{ ...rule, maxVersion: null, minVersion: 2 }, [7, null, 9, null, 2]],
  ] as const) {
    expect(feedRule(written)).toEqual(sent)
    const { rules } = readFeedClaims({ ...honest, rules: { [name]: [sent] } }, expected)
    expect(rules.get(name)).toEqual([{ id: '', ...written }])
  }
})
