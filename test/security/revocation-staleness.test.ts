import { beforeAll, describe, expect, test } from 'vitest'
import { postgresRevocationList } from '../../src/kit/revocation/postgres.ts'
import { databaseKinds } from '../support/databases.ts'
import { addRule, movableMilliseconds, openRevocationDatabase } from '../support/revocation-rules.ts'
import { follow, scriptedSource } from '../support/synced-list.ts'
import { createTestIssuer, createTestVerifier, outcome, type TestIssuer } from '../support/test-issuer.ts'

let issuer: TestIssuer
beforeAll(async () => {
  issuer = await createTestIssuer()
})

const staleMilliseconds = 10_000

/** A verifier on a database that the test can disconnect, with a movable clock. */
async function startVerifier() {
  const database = scriptedSource()
  const time = movableMilliseconds()
  const list = follow(database.source, { monotonic: time.monotonic, maximumStalenessMilliseconds: staleMilliseconds })
  await list.refresh()
  const { verify } = createTestVerifier(issuer, { revocations: list })
  return { database, time, list, verify }
}

describe('A49: a revoked token that is in a verifier’s cache', () => {
  test('is accepted no longer than the maximum staleness, and never after the revocation arrived', async () => {
    const { database, time, list, verify } = await startVerifier()
    const token = await issuer.token({ claims: { jti: 'stolen' } })
    expect(await outcome(verify, token)).toBe('accepted')
    database.fail(new Error('the network is cut'))
    database.revoke('stolen')
    const acceptedAt: number[] = []
    for (let elapsed = 0; elapsed <= 3 * staleMilliseconds; elapsed += 250) {
      await list.refresh().catch(() => {})
      const answer = await outcome(verify, token)
      if (answer === 'accepted') acceptedAt.push(elapsed)
      else expect(answer).toBe('unavailable revocations_unavailable')
      time.advance(250)
    }
    expect(Math.max(...acceptedAt)).toBeLessThanOrEqual(staleMilliseconds)
    database.fail(undefined)
    await list.refresh()
    for (let check = 0; check < 100; check += 1) expect(await outcome(verify, token)).toBe('invalid_token revoked')
  })

  test.skipIf(!databaseKinds.includes('postgres')).each(['synced', 'strict'] as const)(
    'is soon refused beside the database, %s',
    async (mode) => {
      const { clock, verify } = createTestVerifier(issuer)
      const { db, url = '' } = await openRevocationDatabase('postgres', clock.now())
      const list = postgresRevocationList({ url, mode, now: () => clock.now(), deadlineMilliseconds: 10_000 })
      try {
        const followed = createTestVerifier(issuer, { revocations: list, now: () => clock.now() }).verify
        await list.ready()
        const token = await issuer.token({ claims: { client_id: 'key_stolen' } })
        expect(await outcome(followed, token)).toBe('accepted')
        await addRule(db, clock.now(), { kind: 'api_key', value: 'key_stolen' })
        await expect.poll(() => outcome(followed, token), { interval: 5 }).toBe('invalid_token revoked')
        expect(await outcome(verify, token)).toBe('accepted') // by a verifier with another list
      } finally {
        await list.close()
      }
    },
  )
})

describe('A52: while the list is unavailable for longer than its maximum staleness', () => {
  test('no token is accepted, cached or new, and no valid token is called invalid', async () => {
    const { database, time, list, verify } = await startVerifier()
    const cached = await Promise.all(Array.from({ length: 20 }, () => issuer.token()))
    for (const token of cached) expect(await outcome(verify, token)).toBe('accepted')
    database.fail(new Error('gone'))
    time.advance(staleMilliseconds + 1)
    await list.refresh().catch(() => {})
    const fresh = await Promise.all(Array.from({ length: 20 }, () => issuer.token()))
    const answers = await Promise.all([...cached, ...fresh].map((token) => outcome(verify, token)))
    expect(new Set(answers)).toEqual(new Set(['unavailable revocations_unavailable']))
  })

  test('before the first load no token is accepted either', async () => {
    const { verify } = createTestVerifier(issuer, { revocations: follow(scriptedSource().source) })
    expect(await outcome(verify, await issuer.token())).toBe('unavailable revocations_unavailable')
  })
})
