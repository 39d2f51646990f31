import { describe, expect, test } from 'vitest'
import { authenticateApiKey } from '../../src/api-keys/authenticate.ts'
import { generateApiKey } from '../../src/api-keys/format.ts'
import type { ApiKeyRecord } from '../../src/api-keys/lookup.ts'
import { loadConfig } from '../../src/config/settings.ts'
import { nodePlatform } from '../../src/node/platform.ts'
import { createPendingUsage } from '../../src/usage/pending.ts'

const now = new Date('2026-11-20T12:00:00.000Z')
const platform = nodePlatform()
const { config } = loadConfig({})
const secret = generateApiKey('live')
const record: ApiKeyRecord = {
  id: 'key_1',
  version: 1,
  versionExpiresAt: null,
  versionEnded: false,
  organizationId: 'org_1',
  organizationSuspendedAt: null,
  serviceAccountId: null,
  serviceAccountDisabledAt: null,
  environment: 'live',
  scopes: [],
  audiences: [],
  roles: [],
  subject: null,
  expiresAt: null,
  ended: false,
  disabledAt: null,
  revokedAt: null,
  revocationPlanned: false,
  tokenAlgorithm: null,
  customClaims: null,
  allowedCidrs: [],
  deniedCidrs: [],
  revocationMark: null,
  ringGeneration: 1,
}

/** A lookup with one record under the hash of `secret`. `asked` lists the hashes it was asked for. */
function storeWith(stored: ApiKeyRecord | undefined) {
  const asked: string[] = []
  const apiKeys = {
    byHash: async (hash: string) => {
      asked.push(hash)
      return hash === (await platform.sha256(secret)) ? stored : undefined
    },
    importedAlgorithms: async () => [],
    forgetImportedAlgorithms() {},
  }
  const pending = createPendingUsage()
  const usage = { recordAuthentication: pending.addAuthentication, recordAttempt: pending.addAttempt }
  return { config, platform, apiKeys, usage, asked }
}

function rejectedFor(reason: string) {
  return expect.objectContaining({ code: 'api_key_rejected', reason, detail: 'Client authentication failed.' })
}

test('a usable key is accepted, with or without its client id', async () => {
  expect(
    await authenticateApiKey(storeWith(record), { secret, clientId: undefined, address: null, agent: null }, now),
  ).toBe(record)
  expect(
    await authenticateApiKey(storeWith(record), { secret, clientId: 'key_1', address: null, agent: null }, now),
  ).toBe(record)
})

describe('a refusal', () => {
  test.each<[string, ApiKeyRecord | undefined]>([
    ['unknown', undefined],
    ['revoked', { ...record, revokedAt: now }],
    ['expired', { ...record, expiresAt: now }],
    ['version_ended', { ...record, versionExpiresAt: now }],
    ['disabled', { ...record, disabledAt: now }],
    ['service_account_disabled', { ...record, serviceAccountDisabledAt: now }],
    ['organization_suspended', { ...record, organizationSuspendedAt: now }],
  ])('names the reason %s only in the error, not to the caller', async (reason, stored) => {
    await expect(
      authenticateApiKey(storeWith(stored), { secret, clientId: undefined, address: null, agent: null }, now),
    ).rejects.toThrow(rejectedFor(reason))
  })

  test("is thrown for another key's client id", async () => {
    await expect(
      authenticateApiKey(storeWith(record), { secret, clientId: 'key_2', address: null, agent: null }, now),
    ).rejects.toThrow(rejectedFor('client_mismatch'))
  })

  test.each(['', 'mk_live_', secret.toLowerCase(), `${secret}\0`, `${secret.slice(0, -1)}\u212a`])(
    'of the malformed text %j does not reach the database',
    async (text) => {
      const store = storeWith(record)
      await expect(
        authenticateApiKey(store, { secret: text, clientId: undefined, address: null, agent: null }, now),
      ).rejects.toThrow(rejectedFor('malformed'))
      expect(store.asked).toEqual([])
    },
  )

  test('repeats nothing of the secret', async () => {
    const refusal = await authenticateApiKey(
      storeWith(undefined),
      { secret, clientId: undefined, address: null, agent: null },
      now,
    ).catch((error: unknown) => error)
    expect(JSON.stringify(refusal, Object.getOwnPropertyNames(refusal))).not.toContain(secret.slice(8, 20))
  })
})

test('the hash of a key from a stolen database does not work as a key', async () => {
  const hash = await platform.sha256(secret)
  await expect(
    authenticateApiKey(storeWith(record), { secret: hash, clientId: undefined, address: null, agent: null }, now),
  ).rejects.toThrow(rejectedFor('malformed'))
})
