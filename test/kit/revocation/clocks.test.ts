import { afterEach, describe, expect, test } from 'vitest'
import { feedRevocationList } from '../../../src/kit/revocation/feed.ts'
import { memoryRevocationList } from '../../../src/kit/revocation/memory.ts'
import { postgresRevocationList } from '../../../src/kit/revocation/postgres.ts'
import { type RevocationList, RevocationListUnavailable } from '../../../src/kit/revocation/revocation-list.ts'
import { createServiceRevocationList } from '../../../src/revocation/service-list.ts'
import { type MovableClock, movableClock } from '../../support/clock.ts'
import { databaseKinds } from '../../support/databases.ts'
import { startFeedService } from '../../support/feed-service.ts'
import {
  addRule,
  openRevocationDatabase,
  type RuleChanges,
  seconds,
  someToken,
  untilVerdict,
  verdict,
} from '../../support/revocation-rules.ts'
import { issuerUrl } from '../../support/test-issuer.ts'

/** A reader with its own clock, and a way to write a rule by the service's clock that it has read when this returns. */
type Reader = { list: RevocationList; add(rule: RuleChanges): Promise<void> }
type Kind = { name: string; start(service: MovableClock, reader: MovableClock): Promise<Reader> }

const kinds: Kind[] = [
  {
    name: 'memory',
    async start(_, reader) {
      const list = memoryRevocationList({ now: reader.now })
      const add = async ({ kind, value, effectiveAt }: RuleChanges) =>
        void list.revoke({ kind, value, ...(effectiveAt && { effectiveAt: seconds(effectiveAt) }) })
      return { list, add }
    },
  },
  {
    name: "the service's own list",
    async start(service, reader) {
      const { db } = await openRevocationDatabase('embedded', service.now(), { emptied: true })
      const list = createServiceRevocationList({ db, database: {}, now: reader.now, refreshInRequest: true })
      return {
        list,
        async add(rule) {
          await addRule(db, service.now(), rule)
          await list.refresh()
        },
      }
    },
  },
  {
    name: 'feed',
    async start(service, reader) {
      const { db } = await openRevocationDatabase('embedded', service.now(), { emptied: true })
      const { fetch, list: published } = await startFeedService(db, service)
      let monotonic = 0
      const list = feedRevocationList({
        issuer: issuerUrl,
        fetch,
        now: reader.now,
        monotonic: () => monotonic,
        refreshInRequest: true,
      })
      return {
        list,
        async add(rule) {
          await addRule(db, service.now(), rule)
          // A feed is signed once a second, and read as often.
          for (const clock of [service, reader]) clock.advance(1.1)
          monotonic += 1100
          await published.refresh()
        },
      }
    },
  },
]
if (databaseKinds.includes('postgres')) {
  for (const mode of ['synced', 'strict'] as const) {
    kinds.push({
      name: `postgres, ${mode}`,
      async start(service, reader) {
        const { db, url = '' } = await openRevocationDatabase('postgres', service.now(), { emptied: true })
        const list = postgresRevocationList({ url, mode, now: reader.now, ...patient })
        let added = 0
        return {
          list,
          async add(rule) {
            await addRule(db, service.now(), rule)
            added += 1
            await addRule(db, service.now(), { kind: 'token', value: `last ${added}` })
            await untilVerdict(list, someToken(service, { jti: `last ${added}` }), true)
          },
        }
      },
    })
  }
}

/** The machine may be busy. */
const patient = { pollMilliseconds: 20, deadlineMilliseconds: 10_000, maximumStalenessMilliseconds: 60_000 }

const offsets = [0, 25, -25, 300, -300, 3600, -3600, 86_400, -86_400]

describe.each(kinds)('a reader of $name', ({ start }) => {
  const lists: RevocationList[] = []
  afterEach(async () => {
    for (const list of lists.splice(0)) await list.close()
  })

  async function begin(offset: number) {
    const service = movableClock()
    const reader = movableClock(new Date(service.now().getTime() + offset * 1000))
    const { list, add } = await start(service, reader)
    lists.push(list)
    /** A list that cannot answer refuses every token. */
    const accepts = async (jti: string) => {
      try {
        return !(await verdict(list, someToken(service, { jti })))
      } catch (error) {
        if (error instanceof RevocationListUnavailable) return false
        throw error
      }
    }
    return { service, reader, add, accepts }
  }

  test.each(offsets)('with a clock that is off by %i s refuses a revoked token at once', async (offset) => {
    const { add, accepts } = await begin(offset)
    await add({ kind: 'token', value: 'revoked' }).catch(() => {})
    expect(await accepts('revoked')).toBe(false)
  })

  test.each([25, 300, 3600, 86_400])('refuses what was revoked by an instance that is %i s ahead', async (ahead) => {
    const { service, add, accepts } = await begin(0)
    const now = service.now()
    service.set(new Date(now.getTime() + ahead * 1000))
    await add({ kind: 'token', value: 'revoked' }).catch(() => {})
    expect(await accepts('revoked')).toBe(false)
  })

  test.each([25, 3600])('whose clock falls back by %i s accepts nothing that it refused', async (back) => {
    const { service, reader, add, accepts } = await begin(0)
    expect(await accepts('planned')).toBe(true)
    await add({ kind: 'token', value: 'revoked' })
    await add({ kind: 'token', value: 'planned', effectiveAt: new Date(service.now().getTime() + 2000) })
    for (const clock of [service, reader]) clock.advance(3)
    expect(await accepts('planned')).toBe(false)
    reader.advance(-back)
    expect(await accepts('revoked')).toBe(false)
    expect(await accepts('planned')).toBe(false)
    expect(await accepts('another')).toBe(true)
  })

  test('accepts a token until its planned revocation', async () => {
    const { service, reader, add, accepts } = await begin(0)
    await add({ kind: 'token', value: 'planned', effectiveAt: new Date(service.now().getTime() + 5000) })
    expect(await accepts('planned')).toBe(true)
    for (const clock of [service, reader]) clock.advance(5)
    expect(await accepts('planned')).toBe(false)
  })
})
