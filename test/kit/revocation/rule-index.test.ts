import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createRuleIndex, type IndexedRule, keepExpiredSeconds } from '../../../src/kit/revocation/rule-index.ts'
import { movableClock } from '../../support/clock.ts'
import { seconds, someToken } from '../../support/revocation-rules.ts'

const clock = movableClock()
const now = seconds(clock.now())
const token = someToken(clock, { issuedAt: now - 100 })
const rule = (id: string, changes: Partial<IndexedRule> = {}): IndexedRule => ({
  id,
  minVersion: null,
  maxVersion: null,
  issuedBefore: null,
  effectiveAt: now - 10,
  expiresAt: null,
  ...changes,
})

describe('rules on one name', () => {
  test('are all considered, in any order of arrival', () => {
    const early = rule('a', { issuedBefore: now - 1000 })
    const scheduled = rule('b', { effectiveAt: now + 1000 })
    const deadly = rule('c', { issuedBefore: now - 50 })
    fc.assert(
      fc.property(fc.shuffledSubarray([early, scheduled, deadly], { minLength: 3 }), (rules) => {
        const index = createRuleIndex()
        index.set('api_key:key_1', rules)
        expect(index.strikes(token, ['token:x', 'api_key:key_1'], now)).toBe(true)
        index.set(
          'api_key:key_1',
          rules.filter(({ id }) => id !== 'c'),
        )
        expect(index.strikes(token, ['token:x', 'api_key:key_1'], now)).toBe(false)
      }),
    )
  })

  test('are counted one by one, and gone together with the name', () => {
    const index = createRuleIndex()
    index.set('a', [rule('1'), rule('2')])
    index.set('b', [rule('3')])
    expect(index.size()).toBe(3)
    index.set('a', [])
    expect(index.size()).toBe(1)
    expect([...index.names()]).toEqual(['b'])
  })
})

describe('expired rules', () => {
  test('are never dropped before their expiry plus the tolerance of a verifier', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: -10_000, max: 10_000 }),
        fc.integer({ min: -10_000, max: 10_000 }),
        (expiry, moment) => {
          const index = createRuleIndex()
          index.set('a', [rule('1', { expiresAt: now + expiry }), rule('2')])
          index.dropExpired(now + moment)
          expect(index.size()).toBe(moment >= expiry + keepExpiredSeconds ? 1 : 2)
        },
      ),
    )
  })

  test('that a fast clock dropped count as missing when the clock goes back', () => {
    const index = createRuleIndex()
    index.set('a', [rule('1', { expiresAt: now + 3600 })])
    expect(index.lacksRulesAt(now)).toBe(false)
    index.dropExpired(now + 7200)
    expect(index.size()).toBe(0)
    expect(index.lacksRulesAt(now + 7200)).toBe(false)
    expect(index.lacksRulesAt(now)).toBe(true)
    index.replace(new Map([['a', [rule('1', { expiresAt: now + 3600 })]]]))
    expect(index.lacksRulesAt(now)).toBe(false)
    expect(index.size()).toBe(1)
  })
})
