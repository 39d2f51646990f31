import { describe, expect, test } from 'vitest'
import { draftRule, type RuleInput } from '../../src/revocations/new-rule.ts'

const now = new Date('2026-11-20T12:00:00.000Z')
const earlier = new Date(now.getTime() - 60_000)
const later = new Date(now.getTime() + 60_000)
const reason = 'leaked'

describe('a rule without times', () => {
  test.each<[RuleInput['kind'], string]>([
    ['api_key', 'key_1'],
    ['subject', 'org_1 alice'],
    ['organization', 'org_1'],
    ['all', '*'],
  ])('on %s revokes what was issued until now, and expires by itself', (kind, value) => {
    expect(draftRule({ kind, value, reason }, now)).toEqual({
      kind,
      value,
      issuedBefore: now,
      expires: 'when_dead',
      reason,
    })
  })

  test('on a token revokes it completely, and expires by itself', () => {
    expect(draftRule({ kind: 'token', value: 'jti', reason }, now)).toEqual({
      kind: 'token',
      value: 'jti',
      expires: 'when_dead',
      reason,
    })
  })

  test('on a signing key never expires, because a thief chooses iat and exp', () => {
    expect(draftRule({ kind: 'signing_key', value: 'kid', reason }, now)).toMatchObject({ expires: 'never' })
  })
})

test('on a name that can still get tokens never expires if it has no issued-before', () => {
  const draft = draftRule({ kind: 'subject', value: 'org_1 alice', issuedBefore: null, reason }, now)
  expect(draft).toEqual({ kind: 'subject', value: 'org_1 alice', expires: 'never', reason })
})

test('a scheduled rule revokes what was issued until it takes effect', () => {
  expect(draftRule({ kind: 'organization', value: 'org_1', effectiveAt: later, reason }, now)).toMatchObject({
    effectiveAt: later,
    issuedBefore: later,
  })
})

test('a rule on a key may be limited to its versions', () => {
  expect(draftRule({ kind: 'api_key', value: 'key_1', maxVersion: 2, reason }, now)).toMatchObject({ maxVersion: 2 })
  expect(draftRule({ kind: 'api_key', value: 'key_1', minVersion: 2, maxVersion: 2, reason }, now)).toMatchObject({
    minVersion: 2,
    maxVersion: 2,
  })
})

describe('refused is', () => {
  test.each<[string, RuleInput]>([
    ['an effect in the past', { kind: 'organization', value: 'org_1', effectiveAt: earlier, reason }],
    ['killing what is not issued yet', { kind: 'organization', value: 'org_1', issuedBefore: later, reason }],
    ['a version of something that has none', { kind: 'organization', value: 'org_1', maxVersion: 1, reason }],
    ['a first version of something that has none', { kind: 'organization', value: 'org_1', minVersion: 1, reason }],
    ['a range without a version', { kind: 'api_key', value: 'key_1', minVersion: 3, maxVersion: 2, reason }],
    ['all with a value', { kind: 'all', value: 'org_1', reason }],
    ['a subject without its organization', { kind: 'subject', value: 'alice', reason }],
    ['a subject that is empty', { kind: 'subject', value: 'org_1 ', reason }],
    ['a token until a time', { kind: 'token', value: 'jti', issuedBefore: earlier, reason }],
    ['a signing key until a time', { kind: 'signing_key', value: 'kid', issuedBefore: earlier, reason }],
  ])('%s', (_, input) => {
    expect(() => draftRule(input, now)).toThrow(expect.objectContaining({ code: 'invalid_request' }))
  })
})
