import { eq } from 'drizzle-orm'
import { beforeAll, describe, expect, test } from 'vitest'
import { generateApiKey } from '../../src/api-keys/format.ts'
import type { ApiKeyLookup } from '../../src/api-keys/lookup.ts'
import { createApp } from '../../src/app.ts'
import { organizations } from '../../src/db/schema.ts'
import { apiKeyTokenType, basic, form, tokenExchangeGrant } from '../support/oauth.ts'
import { startTestService, type TestService } from '../support/service.ts'

let service: TestService
/** Every way in which a key can be no good, by its true reason. */
let refusedKeys: Record<string, string>
let good: { id: string; secret: string }

beforeAll(async () => {
  service = await startTestService()
  good = await service.createKey()
  const now = service.clock.now()
  const suspended = await service.createOrganization('suspended')
  await service.services.db.update(organizations).set({ suspendedAt: now }).where(eq(organizations.id, suspended))
  refusedKeys = {
    unknown: generateApiKey('live'),
    malformed: 'mk_live_short',
    revoked: (await service.createKey({ revokedAt: now })).secret,
    expired: (await service.createKey({ expiresAt: now })).secret,
    version_ended: (await service.createKey({ versionExpiresAt: now })).secret,
    disabled: (await service.createKey({ disabledAt: now })).secret,
    organization_suspended: (await service.createKey({ organizationId: suspended })).secret,
  }
})

/** Everything that the outside sees, but for what differs from answer to answer. */
async function seenBy(response: Response) {
  const { headers, status } = response
  headers.delete('x-request-id')
  headers.delete('date')
  return { status, headers: [...headers], body: await response.text() }
}

const forms: [string, (secret: string) => RequestInit][] = [
  ['Basic', (secret) => form({ grant_type: 'client_credentials' }, { Authorization: basic(good.id, secret) })],
  ['the form', (secret) => form({ grant_type: 'client_credentials', client_id: good.id, client_secret: secret })],
  ['Bearer', (secret) => ({ method: 'POST', headers: { Authorization: `Bearer ${secret}` } })],
  ['X-API-Key', (secret) => ({ method: 'POST', headers: { 'X-API-Key': secret } })],
  ['token exchange', (secret) => form({ grant_type: tokenExchangeGrant, subject_token: secret, subject_token_type: apiKeyTokenType })],
]

describe.each(forms)('A42 R11 a refused key sent by %s', (_, request) => {
  test('looks the same to the outside, whatever is wrong with it', async () => {
    const answers = new Set<string>()
    for (const secret of Object.values(refusedKeys))
      answers.add(JSON.stringify(await seenBy(await service.request('/token', request(secret)))))
    expect([...answers]).toHaveLength(1)
  })
})

test('A42 R11 the true reason is counted and logged for the operator, without the key', async () => {
  for (const [reason, secret] of Object.entries(refusedKeys)) {
    const before = service.exchanges.get(reason) ?? 0
    await service.request('/token', { method: 'POST', headers: { 'X-API-Key': secret } })
    expect(service.exchanges.get(reason), reason).toBe(before + 1)
    expect(service.logged.findLast(({ event }) => event === 'request_refused')).toMatchObject({ code: 'api_key_rejected', reason })
  }
  const printed = JSON.stringify(service.logged)
  for (const secret of Object.values(refusedKeys)) expect(printed).not.toContain(secret)
})

test('A42 a good key of another client looks like an unknown one', async () => {
  const other = await service.createKey()
  const ask = (secret: string) => form({ grant_type: 'client_credentials' }, { Authorization: basic(good.id, secret) })
  const [mismatch, unknown] = await Promise.all([
    service.request('/token', ask(other.secret)),
    service.request('/token', ask(generateApiKey('live'))),
  ])
  expect(await seenBy(mismatch)).toEqual(await seenBy(unknown))
})

describe('A41 R133 a known key that is no good and an unknown one', () => {
  test('ask the database the same one question', async () => {
    const { services } = service
    for (const reason of ['unknown', 'revoked', 'expired']) {
      const asked: string[] = []
      const apiKeys: ApiKeyLookup = {
        ...services.apiKeys,
        async byHash(hash) {
          asked.push(hash)
          return await services.apiKeys.byHash(hash)
        },
      }
      await createApp(() => ({ ...services, apiKeys })).request('/token', {
        method: 'POST',
        headers: { 'X-API-Key': refusedKeys[reason] ?? '' },
      })
      expect(asked, reason).toHaveLength(1)
    }
  })

  test('cannot be told apart by time: the medians of many interleaved answers lie together', async () => {
    const revoked = refusedKeys.revoked ?? ''
    const samples: Record<'known' | 'unknown', number[]> = { known: [], unknown: [] }
    for (let round = 0; round < 2000; round += 1) {
      const order = round % 2 === 0 ? (['known', 'unknown'] as const) : (['unknown', 'known'] as const)
      for (const which of order) {
        const secret = which === 'known' ? revoked : generateApiKey('live')
        const started = performance.now()
        await service.request('/token', { method: 'POST', headers: { 'X-API-Key': secret } })
        samples[which].push(performance.now() - started)
      }
    }
    // The first rounds warm the code up. A question more or less to the database would be half of the time.
    const [known, unknown] = [median(samples.known.slice(500)), median(samples.unknown.slice(500))]
    expect(Math.abs(known - unknown) / unknown).toBeLessThan(0.2)
  })
})

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN
}
