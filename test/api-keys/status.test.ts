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

test('a key that nobody has is unknown', () => {
  expect(apiKeyStatus(undefined, now)).toBe('unknown')
})

test('a key without ends is usable', () => {
  expect(apiKeyStatus(never, now)).toBe('usable')
})

describe.each(refusals)('%s', (member, refusal) => {
  test.each([
    ['has passed', before, refusal],
    ['is this very millisecond', now, refusal],
    ['is one millisecond ahead', after, 'usable'],
  ])('%s', (_, instant, expected) => {
    expect(apiKeyStatus({ ...never, [member]: instant }, now)).toBe(expected)
  })
})

test('of several reasons the one that can least be undone is named', () => {
  const instants = Object.fromEntries(refusals.map(([member]) => [member, before]))
  let apiKey: ApiKeyInstants = { ...never, ...instants }
  for (const [member, refusal] of refusals) {
    expect(apiKeyStatus(apiKey, now)).toBe(refusal)
    apiKey = { ...apiKey, [member]: null }
  }
  expect(apiKeyStatus(apiKey, now)).toBe('usable')
})
