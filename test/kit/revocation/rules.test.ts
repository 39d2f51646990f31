import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { RevocableToken, RevocationKind, RevocationRule } from '../../../src/kit/revocation/revocation-list.ts'
import {
  covers,
  effectOf,
  issuedBeforeAfterResume,
  lastCoveredIssue,
  namesOfToken,
  subjectValue,
} from '../../../src/kit/revocation/rules.ts'

const now = 1_793_613_600
const token: RevocableToken = {
  jti: 'j1',
  clientId: 'key_1',
  keyVersion: 3,
  organizationId: 'org_1',
  subject: 'alice',
  kid: 'kid-1',
  issuedAt: now - 100,
}
const rule = (changes: Partial<RevocationRule>): RevocationRule => ({
  kind: 'token',
  value: 'j1',
  minVersion: null,
  maxVersion: null,
  issuedBefore: null,
  effectiveAt: now,
  expiresAt: null,
  ...changes,
})

describe('a rule covers the tokens that carry its name, and no others', () => {
  test.each<[RevocationKind, string, boolean]>([
    ['token', 'j1', true],
    ['token', 'j2', false],
    ['token', 'J1', false],
    ['token', 'key_1', false],
    ['api_key', 'key_1', true],
    ['api_key', 'key_2', false],
    ['api_key', 'alice', false],
    ['subject', 'org_1 alice', true],
    ['subject', 'org_2 alice', false],
    ['subject', 'alice', false],
    ['subject', 'org_1  alice', false],
    ['organization', 'org_1', true],
    ['organization', 'org_1 alice', false],
    ['signing_key', 'kid-1', true],
    ['signing_key', 'kid-2', false],
    ['all', '*', true],
    ['all', 'org_1', false],
  ])('%s %j: %s', (kind, value, expected) => {
    expect(covers(rule({ kind, value }), token, now)).toBe(expected)
  })

  test('a subject whose text continues an organization is not mistaken for another one', () => {
    expect(subjectValue('org_1', 'a b')).not.toBe(subjectValue('org_1 a', 'b '))
    expect(covers(rule({ kind: 'subject', value: 'org_1 a b' }), { ...token, subject: 'a b' }, now)).toBe(true)
  })

  test('the names of a token stay distinct, whatever its claims contain', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (jti, clientId) => {
        const names = namesOfToken({ ...token, jti, clientId })
        expect(new Set(names).size).toBe(6)
      }),
    )
  })
})

describe('a rule covers the whole second of its issued-before time', () => {
  const at = now - 10
  test.each([
    ['whole second', at, at, true],
    ['whole second', at, at + 1, false],
    ['a thousandth later', at + 0.001, at + 1, true],
    ['a thousandth later', at + 0.001, at + 2, false],
    ['a thousandth before the next', at + 0.999, at + 1, true],
    ['a thousandth before the next', at + 0.999, at + 2, false],
    ['long before', at, 0, true],
  ])('%s: issued before %d, token of %d: %s', (_, issuedBefore, issuedAt, expected) => {
    expect(covers(rule({ issuedBefore }), { ...token, issuedAt }, now)).toBe(expected)
  })

  test('a rule without issued-before covers every token, issued before or after it', () => {
    for (const issuedAt of [0, now - 1, now, now + 10_000])
      expect(covers(rule({}), { ...token, issuedAt }, now)).toBe(true)
  })
})

describe('a scheduled rule waits for its time', () => {
  test.each([
    [now - 0.001, true],
    [now, true],
    [now + 0.001, false],
    [now + 3600, false],
  ])('effective at %d: %s', (effectiveAt, expected) => {
    expect(covers(rule({ effectiveAt }), token, now)).toBe(expected)
  })
})

describe('a rule on a key can be limited to versions', () => {
  test.each([
    [null, true],
    [2, false],
    [3, true],
    [4, true],
  ])('version 3 under a rule up to %s: %s', (maxVersion, expected) => {
    expect(covers(rule({ kind: 'api_key', value: 'key_1', maxVersion }), token, now)).toBe(expected)
  })

  test.each([
    [null, null, true],
    [2, null, true],
    [3, null, true],
    [4, null, false],
    [3, 3, true],
    [2, 4, true],
    [4, 4, false],
    [1, 2, false],
    [4, 2, false],
  ])('version 3 under a rule from %s to %s: %s', (minVersion, maxVersion, expected) => {
    expect(covers(rule({ kind: 'api_key', value: 'key_1', minVersion, maxVersion }), token, now)).toBe(expected)
  })

  test('rules of other kinds cannot be limited by mistake', () => {
    for (const limit of [{ maxVersion: 1 }, { minVersion: 9 }]) {
      expect(covers(rule(limit), token, now)).toBe(true)
      expect(covers(rule({ kind: 'organization', value: 'org_1', ...limit }), token, now)).toBe(true)
    }
  })
})

describe('a token that cannot be judged is revoked', () => {
  test('a token without a number where one is required is covered', () => {
    expect(covers(rule({ issuedBefore: now - 1000 }), { ...token, issuedAt: Number.NaN }, now)).toBe(true)
    for (const limit of [{ maxVersion: 1 }, { minVersion: 9 }]) {
      const limited = rule({ kind: 'api_key', value: 'key_1', ...limit })
      expect(covers(limited, { ...token, keyVersion: Number.NaN }, now)).toBe(true)
    }
  })

  test('a stolen signing key stays revoked whatever iat the thief writes, and its rule never ends', () => {
    const stolen = rule({
      kind: 'signing_key',
      value: 'kid-1',
      issuedBefore: now - 1000,
      expiresAt: now - 500,
      maxVersion: 1,
      minVersion: 9,
    })
    expect(covers(stolen, { ...token, issuedAt: now + 999 }, now)).toBe(true)
    expect(effectOf(stolen).expiresAt).toBeNull()
  })

  test('a rule that is not planned covers, whatever the clock says', () => {
    for (const at of [0, now - 86_400, now, Number.NaN]) {
      expect(covers(rule({ effectiveAt: null }), token, at)).toBe(true)
    }
  })

  test('a rule past its expiry still covers: dropping it only saves memory', () => {
    expect(covers(rule({ expiresAt: now - 10_000 }), token, now)).toBe(true)
  })
})

describe('the last second in which a covered token can be issued', () => {
  const inForceAt = now + 0.2
  test.each<[RevocationKind, number | null, number | null]>([
    ['token', null, now + 1],
    ['api_key', null, now + 1],
    ['api_key', now - 0.5, now + 1],
    ['api_key', now + 5.5, now + 6],
    ['subject', null, null],
    ['subject', now - 0.5, now + 1],
    ['organization', null, null],
    ['organization', now + 60, now + 60],
    ['all', null, null],
    ['all', now, now + 1],
    ['signing_key', null, null],
    ['signing_key', now, null],
  ])('of %s, issued before %s: %s', (kind, issuedBefore, expected) => {
    expect(lastCoveredIssue({ kind, issuedBefore, inForceAt })).toBe(expected)
  })
})

test('after an organization resumes, its older tokens stay revoked, even those from a fast clock', () => {
  expect(issuedBeforeAfterResume(now, now + 5, 30)).toBe(now + 30)
  expect(issuedBeforeAfterResume(now, now + 500, 30)).toBe(now + 500)
})
