import { describe, expect, test } from 'vitest'
import { loadConfig } from '../../src/config/settings.ts'
import { keyTiming } from '../../src/signing-keys/lifecycle.ts'
import { type LifetimeConfig, lifetimeFaults, requireKeepableLifetimes } from '../../src/signing-keys/lifetimes.ts'

const day = 86_400
const defaults: LifetimeConfig = loadConfig({}).config
const seconds: LifetimeConfig = {
  jwksMaxAgeSeconds: 1,
  verifierRefreshSeconds: 0,
  clockToleranceSeconds: 0,
  rotateEverySeconds: 2,
  tokenTtlSeconds: 2,
  maxTokenTtlSeconds: 2,
}

describe('lifetimes that fit together', () => {
  test.each<[string, LifetimeConfig]>([
    ['the defaults', defaults],
    ['a rotation as long as the publish lead, tokens as long as the rotation', seconds],
    [
      'the longest of everything',
      { ...defaults, jwksMaxAgeSeconds: day, verifierRefreshSeconds: day, maxTokenTtlSeconds: day },
    ],
    ['the shortest rotation that the other defaults allow', { ...defaults, rotateEverySeconds: 3600 }],
  ])('%s', (_, config) => {
    expect(lifetimeFaults(config)).toEqual([])
    expect(() => requireKeepableLifetimes(config)).not.toThrow()
  })
})

describe('lifetimes that do not fit together stop the start', () => {
  test.each<[string, LifetimeConfig, RegExp]>([
    [
      'the lead is longer than the rotation',
      { ...seconds, rotateEverySeconds: 1, maxTokenTtlSeconds: 1, tokenTtlSeconds: 1 },
      /^MINTAGE_ROTATE_EVERY \(1 s\) is shorter than the 2 s/,
    ],
    [
      'by a verifier refresh',
      { ...seconds, verifierRefreshSeconds: 1 },
      /^MINTAGE_ROTATE_EVERY .*MINTAGE_VERIFIER_REFRESH/,
    ],
    [
      'by a clock tolerance',
      { ...seconds, clockToleranceSeconds: 1 },
      /^MINTAGE_ROTATE_EVERY .*MINTAGE_CLOCK_TOLERANCE/,
    ],
    [
      'a JWK Set that caches keep longer than a rotation',
      { ...defaults, jwksMaxAgeSeconds: day, rotateEverySeconds: day },
      /^MINTAGE_ROTATE_EVERY .*MINTAGE_JWKS_MAX_AGE/,
    ],
    [
      'a token outlives the time of its key',
      { ...seconds, maxTokenTtlSeconds: 3 },
      /^MINTAGE_MAX_TOKEN_TTL \(3 s\) is longer than MINTAGE_ROTATE_EVERY/,
    ],
    ['a default token does', { ...seconds, tokenTtlSeconds: 3 }, /^MINTAGE_MAX_TOKEN_TTL/],
  ])('%s', (_, config, words) => {
    const faults = lifetimeFaults(config)
    expect(faults).toHaveLength(1)
    expect(faults[0]).toMatch(words)
    expect(() => requireKeepableLifetimes(config)).toThrow(/do not fit together:\n {2}MINTAGE_/)
  })

  test.each([
    ['max-age beyond the lead', { publishLeadSeconds: 299 }, /^MINTAGE_JWKS_MAX_AGE \(300 s\) .* 299 s/],
    [
      'tokens that live longer than their key is published',
      { retentionSeconds: 3599 },
      /^MINTAGE_MAX_TOKEN_TTL \(3600 s\) .*3599 s/,
    ],
  ])('%s, whatever the timing was computed from', (_, wrong, words) => {
    expect(lifetimeFaults(defaults, { ...keyTiming(defaults, 3600), ...wrong })).toEqual([expect.stringMatching(words)])
  })

  test('all faults are reported at once', () => {
    const config = { ...seconds, rotateEverySeconds: 1, verifierRefreshSeconds: 60 }
    expect(lifetimeFaults(config).map((fault) => fault.split(' ')[0])).toEqual([
      'MINTAGE_ROTATE_EVERY',
      'MINTAGE_MAX_TOKEN_TTL',
    ])
  })
})
