import { expect, test } from 'vitest'
import { requireLifetime } from '../../src/api-keys/lifetime.ts'

const now = new Date('2026-11-20T12:00:00.000Z')
const at = (seconds: number) => new Date(now.getTime() + seconds * 1000)

test.each<[string, Date | null, number | null, string[]]>([
  ['never, without a policy', null, null, []],
  ['in a hundred years, without a policy', at(100 * 365 * 86400), null, ['admin']],
  ['at the latest allowed time', at(3600), 3600, []],
  ['earlier', at(1), 3600, []],
  ['in a hundred years, for a pipeline without a policy', at(100 * 365 * 86400), null, ['ci_service']],
])('a key may expire %s', (_, expiresAt, maxKeyLifetimeSeconds, roles) => {
  expect(() => requireLifetime({ expiresAt, roles }, { maxKeyLifetimeSeconds }, now)).not.toThrow()
})

test.each<[string, Date | null]>([
  ['never', null],
  ['a millisecond too late', at(3600.001)],
])('a policy refuses an expiry %s, and names the latest allowed time', (_, expiresAt) => {
  expect(() => requireLifetime({ expiresAt, roles: [] }, { maxKeyLifetimeSeconds: 3600 }, now)).toThrow(
    expect.objectContaining({
      code: 'lifetime_not_allowed',
      detail:
        'API keys of this organization must expire within 3600 s. Set expiresAt to 2026-11-20T13:00:00.000Z or earlier.',
      extensions: { latest: '2026-11-20T13:00:00.000Z' },
    }),
  )
})

test('a key for a pipeline must expire, with or without a policy', () => {
  expect(() =>
    requireLifetime({ expiresAt: null, roles: ['ci_service'] }, { maxKeyLifetimeSeconds: null }, now),
  ).toThrow(expect.objectContaining({ code: 'lifetime_not_allowed', detail: expect.stringContaining('ci_service') }))
})
