import { describe, expect, test } from 'vitest'
import { type ApiKeyInstants, apiKeyStatus } from '../../src/api-keys/status.ts'

const now = new Date('2026-11-20T12:00:00.000Z')
const before = new Date(now.getTime() - 1)
const after = new Date(now.getTime() + 1)
const never: ApiKeyInstants = {
  revokedAt: null,
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

describe.each(refusals)('%s', (member, refusal) => {
  test.each([
    ['has passed', before, refusal],
    ['is exactly now', now, refusal],
    ['is in one millisecond', after, 'usable'],
  ])('%s', (_, instant, expected) => {
    expect(apiKeyStatus({ ...never, [member]: instant }, now)).toBe(expected)
  })
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
