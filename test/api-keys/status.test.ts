import { describe, expect, test } from 'vitest'
import { type ApiKeyInstants, apiKeyStatus } from '../../src/api-keys/status.ts'

const now = new Date('2026-11-20T12:00:00.000Z')
const before = new Date(now.getTime() - 1)
const after = new Date(now.getTime() + 1)
const dayAhead = new Date(now.getTime() + 86_400_000)
const never: ApiKeyInstants = {
  revokedAt: null,
  revocationPlanned: false,
  ended: false,
  versionEnded: false,
  expiresAt: null,
  disabledAt: null,
  versionExpiresAt: null,
  serviceAccountDisabledAt: null,
  organizationSuspendedAt: null,
}

const refusals = [
  ['revokedAt', 'revoked'],
  ['expiresAt', 'expired'],
  ['versionExpiresAt', 'version_ended'],
  ['disabledAt', 'disabled'],
  ['serviceAccountDisabledAt', 'service_account_disabled'],
  ['organizationSuspendedAt', 'organization_suspended'],
] as const

test('a missing key is unknown', () => {
  expect(apiKeyStatus(undefined, now)).toBe('unknown')
})

test('a key without end times is usable', () => {
  expect(apiKeyStatus(never, now)).toBe('usable')
})

const planned = ['revokedAt', 'expiresAt', 'versionExpiresAt']

describe.each(refusals.filter(([member]) => planned.includes(member)))('a planned %s', (member, refusal) => {
  test.each([
    ['has passed', before, refusal],
    ['is exactly now', now, refusal],
    ['is in one millisecond', after, 'usable'],
  ])('%s', (_, instant, expected) => {
    expect(apiKeyStatus({ ...never, revocationPlanned: true, [member]: instant }, now)).toBe(expected)
  })
})

test.each([
  ['revoked', { revokedAt: dayAhead }, 'revoked'],
  ['expired', { expiresAt: dayAhead, ended: true }, 'expired'],
  ['a version that was ended', { versionExpiresAt: dayAhead, versionEnded: true }, 'version_ended'],
  ['disabled', { disabledAt: dayAhead }, 'disabled'],
  ['a disabled service account', { serviceAccountDisabledAt: dayAhead }, 'service_account_disabled'],
  ['a suspended organization', { organizationSuspendedAt: dayAhead }, 'organization_suspended'],
])('what was done at once counts, although the clock that stamped it is a day ahead: %s', (_, done, refusal) => {
  expect(apiKeyStatus({ ...never, ...done }, now)).toBe(refusal)
})

test('of several reasons the one that is hardest to undo is named', () => {
  const instants = Object.fromEntries(refusals.map(([member]) => [member, before]))
  let apiKey: ApiKeyInstants = { ...never, ...instants }
  for (const [member, refusal] of refusals) {
    expect(apiKeyStatus(apiKey, now)).toBe(refusal)
    apiKey = { ...apiKey, [member]: null }
  }
  expect(apiKeyStatus(apiKey, now)).toBe('usable')
})
