import { afterEach, beforeAll, beforeEach } from 'vitest'
import type { Db } from '../../src/db/database.ts'
import { type FeedRevocationListOptions, feedRevocationList } from '../../src/kit/revocation/feed.ts'
import type { RevocationList } from '../../src/kit/revocation/revocation-list.ts'
import { movableClock } from './clock.ts'
import { type FeedService, signFeed, startFeedService } from './feed-service.ts'
import { movableMilliseconds, openRevocationDatabase, seconds, someToken } from './revocation-rules.ts'
import { issuerUrl, type TestIssuer } from './test-issuer.ts'

/**
 * A service that publishes its feed, and lists that follow it. Registers the hooks of the test file that calls it: one
 * database for the file, one service for each test.
 */
export function followedFeed() {
  const clock = movableClock()
  const lists: RevocationList[] = []
  let db: Db
  let service: FeedService
  let time: ReturnType<typeof movableMilliseconds>

  beforeAll(async () => {
    db = (await openRevocationDatabase('embedded', clock.now())).db
  })
  beforeEach(async () => {
    time = movableMilliseconds()
    service = await startFeedService(db, clock)
  })
  afterEach(async () => {
    for (const list of lists.splice(0)) await list.close()
  })

  return {
    clock,
    get db() {
      return db
    },
    get service() {
      return service
    },
    get time() {
      return time
    },
    token: (jti: string) => someToken(clock, { jti }),

    /** A list that reads inside each check, so that each step of a test is one read. */
    follow(options: Partial<FeedRevocationListOptions> = {}): RevocationList {
      const list = feedRevocationList({
        issuer: issuerUrl,
        fetch: service.fetch,
        now: clock.now,
        monotonic: time.monotonic,
        refreshInRequest: true,
        ...options,
      })
      lists.push(list)
      return list
    },

    /** Moves the clocks of the service and its readers. The service reads its list again. */
    async pass(secondsLater: number): Promise<void> {
      clock.advance(secondsLater)
      time.advance(secondsLater * 1000)
      await service.list.refresh()
    },

    /** The claims of a document that is newer than all others, with these changes. */
    claims(changes: Record<string, unknown> = {}): Record<string, unknown> {
      const at = seconds(clock.now())
      return {
        iss: issuerUrl,
        iat: at,
        exp: at + 10,
        generation: clock.now().getTime() + 1e9,
        sequence: 9e15,
        rules: {},
        ...changes,
      }
    },

    /** Answers with a document with these claims from now on. */
    forge(changes: Record<string, unknown>, options: { typ?: string; key?: TestIssuer } = {}): void {
      service.misbehave = async () =>
        new Response(await signFeed(options.key ?? service.recordKey, this.claims(changes), options.typ))
    },
  }
}
