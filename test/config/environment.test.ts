import { describe, expect, test } from 'vitest'
import { loadConfig } from '../../src/config/settings.ts'
import { faultsOf, postgres } from './faults.ts'

describe('a variable by itself', () => {
  test.each(['a', 'Acme', 'ac_me', 'acme-', 'seventeenletters1', 'ä1', 'key', 'org'])(
    'the prefix %j is refused with a clear error',
    (prefix) => {
      for (const name of ['MINTAGE_API_KEY_PREFIX', 'MINTAGE_API_KEY_PREFIX_PREVIOUS']) {
        expect(faultsOf({ [name]: prefix })).toEqual([
          expect.stringMatching(new RegExp(`^${name} .*2 to 16 lower-case letters or digits`)),
        ])
      }
    },
  )

  test('an empty value counts as unset', () => {
    expect(loadConfig({ PORT: '', MINTAGE_TOKEN_TTL: '' }).port).toBe(8787)
  })

  test('durations may have a unit', () => {
    expect(loadConfig({ MINTAGE_ROTATE_EVERY: '7d', MINTAGE_TOKEN_TTL: '10m' }).config).toMatchObject({
      rotateEverySeconds: 604_800,
      tokenTtlSeconds: 600,
    })
  })

  const faulty: [string, Record<string, string>, RegExp][] = [
    ['a port that is not a number', { PORT: 'http' }, /^PORT must be a whole number from 0 to 65535$/],
    ['a port out of range', { PORT: '65536' }, /^PORT must be/],
    ['an unknown MINTAGE_ name', { MINTAGE_TOKEN_TLL: '60' }, /^MINTAGE_TOKEN_TLL is not a variable of Mintage$/],
    ['a clock tolerance above 300 seconds', { MINTAGE_CLOCK_TOLERANCE: '301' }, /^MINTAGE_CLOCK_TOLERANCE must be/],
    [
      'a database that may be a standby',
      { ...postgres, DATABASE_URL: 'postgres://m@a:1,b:2/m?target_session_attrs=any' },
      /^DATABASE_URL must not allow a standby/,
    ],
    [
      'a database of an unknown kind',
      { DATABASE_URL: 'mysql://db' },
      /^DATABASE_URL must be postgres:\/\/…, file:<folder> or memory:$/,
    ],
  ]
  test.each(faulty)('%s is a fault that names its variable', (_name, env, expected) => {
    expect(faultsOf(env)).toEqual([expect.stringMatching(expected)])
  })
})
