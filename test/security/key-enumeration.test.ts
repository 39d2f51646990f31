import { eq } from 'drizzle-orm'
import { beforeAll, describe, expect, test } from 'vitest'
import { generateApiKey } from '../../src/api-keys/format.ts'
import type { ApiKeyLookup } from '../../src/api-keys/lookup.ts'
import { createApp } from '../../src/app.ts'
import { organizations } from '../../src/db/schema.ts'
import { databaseKinds } from '../support/databases.ts'
import { apiKeyTokenType, basic, form, tokenExchangeGrant } from '../support/oauth-requests.ts'
import { startTestService, type TestService } from '../support/test-service.ts'

let service: TestService
/** A refused key for each reason. */
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

/** Everything that a caller sees, except what differs in every answer. */
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
  [
    'token exchange',
    (secret) => form({ grant_type: tokenExchangeGrant, subject_token: secret, subject_token_type: apiKeyTokenType }),
  ],
]

describe.each(forms)('A42 R11 a refused key sent by %s', (_, request) => {
  test('looks the same to the caller, whatever is wrong with it', async () => {
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
    expect(service.logged.findLast(({ event }) => event === 'request_refused')).toMatchObject({
      code: 'api_key_rejected',
      reason,
    })
  }
  const printed = JSON.stringify(service.logged)
  for (const secret of Object.values(refusedKeys)) expect(printed).not.toContain(secret)
})

test('A42 a valid key of another client looks like an unknown one', async () => {
  const other = await service.createKey()
  const ask = (secret: string) => form({ grant_type: 'client_credentials' }, { Authorization: basic(good.id, secret) })
  const [mismatch, unknown] = await Promise.all([
    service.request('/token', ask(other.secret)),
    service.request('/token', ask(generateApiKey('live'))),
  ])
  expect(await seenBy(mismatch)).toEqual(await seenBy(unknown))
})

describe('A41 R133 a known refused key and an unknown key', () => {
  test('cause the same single lookup', async () => {
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
})

describe.each(databaseKinds)('A41 R133 on %s, by the time a refusal takes', async (kind) => {
  const { createKey, clock, request } = await startTestService(kind)
  const client = await createKey()
  const revoked = await createKey({ revokedAt: clock.now() })
  const alone = (secret: string) => ({ method: 'POST', headers: { 'X-API-Key': secret } })
  const asClient = (secret: string) =>
    form({ grant_type: 'client_credentials' }, { Authorization: basic(client.id, secret) })
  const good = await createKey()

  test.each<[string, (secret: string) => RequestInit, string]>([
    ['a revoked key', alone, revoked.secret],
    ["another client's key", asClient, good.secret],
  ])('%s cannot be distinguished from an unknown one', async (_who, ask, known) => {
    const time = async (secret: string) => {
      const init = ask(secret)
      const started = performance.now()
      expect((await request('/token', init)).status).toBe(401)
      return performance.now() - started
    }
    const unknown = generateApiKey('live')
    await interleaved(200, time, known, unknown) // warms the code up
    // Other load on the machine can make the series differ once. A real difference shows every time.
    const seen: boolean[] = []
    do {
      const [ofKnown, ofUnknown] = await interleaved(800, time, known, unknown)
      seen.push(isLonger(ofKnown, ofUnknown) || isLonger(ofUnknown, ofKnown))
    } while (seen.at(-1) && seen.length < 3)
    expect(seen).toContain(false)
  })
})

/** Alternates between the two, and swaps which one goes first in every round. */
async function interleaved(rounds: number, time: (secret: string) => Promise<number>, one: string, other: string) {
  const [ofOne, ofOther]: [number[], number[]] = [[], []]
  for (let round = 0; round < rounds; round += 1) {
    if (round % 2 === 0) ofOne.push(await time(one))
    ofOther.push(await time(other))
    if (round % 2 === 1) ofOne.push(await time(one))
  }
  return [ofOne, ofOther] as const
}

/** Mann-Whitney U: one series is slower by more than a twentieth, at a significance of one in a thousand. */
function isLonger(times: readonly number[], others: readonly number[]): boolean {
  const [n, m] = [times.length, others.length]
  const ranked = [...times.map((time) => [time, 1] as const), ...others.map((time) => [time * 1.05, 0] as const)].sort(
    ([a], [b]) => a - b,
  )
  const rankSum = ranked.reduce((sum, [, own], index) => sum + own * (index + 1), 0)
  const u = rankSum - (n * (n + 1)) / 2
  return (u - (n * m) / 2) / Math.sqrt((n * m * (n + m + 1)) / 12) > 3.1
}
