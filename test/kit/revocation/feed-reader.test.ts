import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Db } from '../../../src/db/database.ts'
import { type FeedRevocationListOptions, feedRevocationList } from '../../../src/kit/revocation/feed.ts'
import { type RevocationList, RevocationListUnavailable } from '../../../src/kit/revocation/revocation-list.ts'
import { startNewGeneration } from '../../../src/revocation/maintenance-queries.ts'
import { type MovableClock, movableClock } from '../../support/clock.ts'
import { type FeedService, feedIssuer, someSigningKey, startFeedService } from '../../support/feed-service.ts'
import {
  addRule,
  movableMilliseconds,
  openRevocationDatabase,
  seconds,
  someToken,
  verdict,
} from '../../support/revocation-rules.ts'

let clock: MovableClock
let time: ReturnType<typeof movableMilliseconds>
let db: Db
let service: FeedService
const lists: RevocationList[] = []

beforeAll(async () => {
  clock = movableClock()
  db = (await openRevocationDatabase('embedded', clock.now())).db
})
beforeEach(async () => {
  time = movableMilliseconds()
  service = await startFeedService(db, clock)
})
afterEach(async () => {
  for (const list of lists.splice(0)) await list.close()
})

const token = (jti: string) => someToken(clock, { jti })

/** Reads in the check, so that each step of a test is one read. */
function follow(options: Partial<FeedRevocationListOptions> = {}): RevocationList {
  const list = feedRevocationList({
    issuer: feedIssuer,
    fetch: service.fetch,
    now: clock.now,
    monotonic: time.monotonic,
    refreshInRequest: true,
    ...options,
  })
  lists.push(list)
  return list
}

/** Time passes for everybody; the service reads its list meanwhile. */
async function pass(secondsLater: number): Promise<void> {
  clock.advance(secondsLater)
  time.advance(secondsLater * 1000)
  await service.list.refresh()
}

/** Answers with a document of these claims over those of an honest one. */
function forge(
  changes: Record<string, unknown>,
  options: { typ?: string; sign?: FeedService['recordKey'] } = {},
): void {
  service.misbehave = async () => {
    const at = seconds(clock.now())
    const claims = {
      iss: feedIssuer,
      iat: at,
      exp: at + 10,
      generation: clock.now().getTime() + 1e9,
      sequence: '9'.repeat(30),
      cursor: '1-1',
      rules: {},
    }
    return new Response(await (options.sign ?? service.recordKey).sign({ ...claims, ...changes }, options.typ))
  }
}

describe('a document is refused', () => {
  /** What the list says of why it cannot answer. */
  async function refusal(options: Partial<FeedRevocationListOptions> = {}): Promise<string> {
    const list = follow(options)
    await expect(verdict(list, token('j'))).rejects.toThrow(RevocationListUnavailable)
    return list.state().reason ?? ''
  }

  test('unless it is that of an honest service', async () => {
    forge({})
    expect(await verdict(follow(), token('j'))).toBe(false)
  })

  test.each<[string, Record<string, unknown>, RegExp]>([
    ['of another issuer', { iss: 'https://auth.example.evil' }, /another issuer/],
    ['of the issuer with a slash', { iss: `${feedIssuer}/` }, /another issuer/],
    ['that has expired', { exp: 1 }, /expired/],
    ['from the future', { iat: 4_000_000_000 }, /future/],
    ['without an instant', { iat: undefined }, /shape/],
    ['with an instant that is text', { iat: '1793613600' }, /shape/],
    ['with an expiry that is null', { exp: null }, /shape/],
    ['with a generation that is no integer', { generation: 1.5 }, /shape/],
    ['with a sequence that is a number', { sequence: 12 }, /shape/],
    ['with a negative sequence', { sequence: '-1' }, /shape/],
    ['with an endless sequence', { sequence: '1'.repeat(100_000) }, /shape/],
    ['without a cursor', { cursor: undefined }, /shape/],
    ['whose cursor would leave the query', { cursor: '1&x=2' }, /shape/],
    ['whose rules are a list', { rules: [] }, /shape/],
    ['whose rules are null', { rules: null }, /shape/],
    ['with a name in clear', { rules: { 'token:j': [[1, null, null, null]] } }, /malformed name/],
    ['with a rule that is no list', { rules: { [`${'A'.repeat(21)}Q`]: [{}] } }, /malformed rule/],
    ['with a rule that is cut', { rules: { [`${'A'.repeat(21)}Q`]: [[1, null]] } }, /malformed rule/],
    [
      'with an instant that is no number',
      { rules: { [`${'A'.repeat(21)}Q`]: [['1', null, null, null]] } },
      /malformed rule/,
    ],
    ['that is a delta nobody asked for', { since: '1-1' }, /nobody asked for/],
  ])('%s', async (_, changes, reason) => {
    forge(changes)
    expect(await refusal()).toMatch(reason)
  })

  test('of another type, an access token among them', async () => {
    for (const typ of ['at+jwt', 'JWT', 'MINTAGE-REVOCATIONS+JWT', 'mintage-revocations+jwt;v=1']) {
      forge({}, { typ })
      expect(await refusal()).toMatch(/another type/)
    }
  })

  test('when a key signed it that is no record key, the token key among them', async () => {
    forge({}, { sign: await someSigningKey() })
    expect(await refusal()).toMatch(/no record key/)
  })

  test('when it was changed after it was signed', async () => {
    service.misbehave = async (_, honest) => {
      const text = await (await honest()).text()
      const [header, , signature] = text.split('.')
      const at = seconds(clock.now())
      const empty = { iss: feedIssuer, iat: at, exp: at + 10, generation: 1, sequence: '1', cursor: '1-1', rules: {} }
      return new Response(`${header}.${Buffer.from(JSON.stringify(empty)).toString('base64url')}.${signature}`)
    }
    expect(await refusal()).toMatch(/signature is wrong/)
  })

  test.each(['', '{}', 'a.b', 'a.b.c.d', 'e30.e30.e30', 'é.é.é', '.'.repeat(100_000)])(
    'when it is %j instead of a JWS',
    async (body) => {
      service.misbehave = () => new Response(body)
      expect(await refusal()).toMatch(/refused/)
    },
  )

  test('when its header offers a key, an extension or no algorithm', async () => {
    for (const extra of [
      { jwk: {} },
      { jku: 'https://evil.example' },
      { crit: ['exp'] },
      { alg: 'none' },
      { alg: 'HS256' },
      { kid: '../x' },
    ]) {
      service.misbehave = async (_, honest) => {
        const [header = '', payload, signature] = (await (await honest()).text()).split('.')
        const changed = { ...JSON.parse(Buffer.from(header, 'base64url').toString()), ...extra }
        return new Response(`${Buffer.from(JSON.stringify(changed)).toString('base64url')}.${payload}.${signature}`)
      }
      expect(await refusal()).toMatch(/refused/)
    }
  })

  test('when it is longer than the cap', async () => {
    service.misbehave = () => new Response('a'.repeat(5000))
    expect(await refusal({ maximumBytes: 4999 })).toMatch(/more than 4999 bytes/)
  })

  test('when it comes by a redirect, with an error, or not at all', async () => {
    service.misbehave = () => new Response(null, { status: 302, headers: { location: 'https://evil.example/' } })
    expect(await refusal()).toMatch(/status 302/)
    service.misbehave = () => new Response('{}', { status: 503 })
    expect(await refusal()).toMatch(/status 503/)
    service.misbehave = () => new Response(null, { status: 304 })
    expect(await refusal()).toMatch(/status 304/)
    service.misbehave = () => new Promise<Response>(() => {})
    expect(await refusal({ timeoutMilliseconds: 20 })).toMatch(/no answer/)
  })
})

describe('a list that follows the feed', () => {
  test('asks for changes only, and fills a gap by the whole list', async () => {
    const list = follow()
    expect(await verdict(list, token('a'))).toBe(false)
    await addRule(db, clock.now(), { kind: 'token', value: 'a' })
    await pass(2)
    expect(await verdict(list, token('a'))).toBe(true)
    expect(service.asked.at(-1)).toMatch(/^\/revocations\?cursor=\d+-\d+-\d+$/)
    await addRule(db, clock.now(), { kind: 'token', value: 'b' })
    await pass(2)
    // Somebody answers with the changes since another cursor than the one asked for.
    service.misbehave = async (url, honest) => {
      if (!url.searchParams.has('cursor')) return await honest()
      const at = seconds(clock.now())
      const gap = {
        iss: feedIssuer,
        iat: at,
        exp: at + 10,
        generation: clock.now().getTime(),
        sequence: '9'.repeat(30),
        cursor: '1-9',
        since: '1-5',
        rules: {},
      }
      return new Response(await service.recordKey.sign(gap))
    }
    expect(await verdict(list, token('b'))).toBe(true)
    expect(service.asked.at(-1)).toBe('/revocations')
  })

  test('refuses a document that goes back, keeps what it knows, and ages until it answers no more', async () => {
    const list = follow()
    const old = await service.feed.document()
    await addRule(db, clock.now(), { kind: 'token', value: 'revoked' })
    await pass(2)
    expect(await verdict(list, token('revoked'))).toBe(true)
    service.misbehave = () => new Response(old.body)
    await pass(8)
    expect(await verdict(list, token('revoked'))).toBe(true)
    await pass(3)
    await expect(verdict(list, token('revoked'))).rejects.toThrow(/goes back/)
    service.misbehave = undefined
    await pass(2)
    expect(await verdict(list, token('revoked'))).toBe(true)
  })

  test('refuses a generation that goes back, whatever its sequence', async () => {
    const list = follow()
    await verdict(list, token('j'))
    await pass(2)
    forge({ generation: 1 })
    await verdict(list, token('j'))
    expect((await list.isRevoked(token('j'), [])) === false).toBe(true)
    await pass(9)
    await expect(verdict(list, token('j'))).rejects.toThrow(/goes back/)
  })

  test('takes a new generation, in which nothing older lives', async () => {
    const list = follow()
    expect(await verdict(list, token('before the restore'))).toBe(false)
    const issued = token('before the restore')
    await db.transaction((tx) => startNewGeneration(tx, clock.now()))
    await pass(2)
    expect(await verdict(list, issued)).toBe(true)
    await pass(2)
    expect(await verdict(list, token('after the restore'))).toBe(false)
  })

  test('does not take an unsigned 304 for news', async () => {
    const list = follow()
    await verdict(list, token('j'))
    service.misbehave = (_, __, init) => {
      const etag = new Headers(init.headers).get('if-none-match')
      return new Response(etag === null ? 'no' : null, { status: etag === null ? 500 : 304 })
    }
    time.advance(9999)
    expect(await verdict(list, token('j'))).toBe(false)
    time.advance(2)
    await expect(verdict(list, token('j'))).rejects.toThrow(RevocationListUnavailable)
  })

  test('saves the bytes of a document that it has, within the second', async () => {
    const list = follow()
    const answers: number[] = []
    service.misbehave = async (_, honest) => {
      const answer = await honest()
      answers.push(answer.status)
      return answer
    }
    await verdict(list, token('j')) // the whole list
    for (let check = 0; check < 2; check += 1) {
      time.advance(1001)
      await verdict(list, token('j')) // a delta from there, twice the same
    }
    expect(answers).toEqual([200, 200, 304])
  })

  test('does not take the same document again for news', async () => {
    const list = follow()
    const { body } = await service.feed.document()
    service.misbehave = () => new Response(body)
    await verdict(list, token('j'))
    time.advance(10_001)
    await expect(verdict(list, token('j'))).rejects.toThrow(RevocationListUnavailable)
  })

  test('ages while the service itself has no news, however often it signs', async () => {
    const list = follow()
    await verdict(list, token('j'))
    const iat = seconds(clock.now())
    clock.advance(8)
    time.advance(10_001)
    forge({ iat, exp: iat + 10 })
    await expect(verdict(list, token('j'))).rejects.toThrow(RevocationListUnavailable)
  })

  test('works with a clock that differs by less than the tolerance, either way', async () => {
    for (const difference of [-29, 29]) {
      const list = follow({ now: () => new Date(clock.now().getTime() + difference * 1000) })
      expect(await verdict(list, token('j'))).toBe(false)
      await pass(9)
      expect(await verdict(list, token('j'))).toBe(false)
    }
  })

  test('believes a first document that was held back no longer than its expiry and the tolerance', async () => {
    const { body } = await service.feed.document()
    const heldBack = (late: number) => {
      service.misbehave = () => new Response(body)
      return follow({ now: () => new Date(clock.now().getTime() + late * 1000) })
    }
    expect(await verdict(heldBack(39), token('j'))).toBe(false)
    const list = heldBack(35)
    expect(await verdict(list, token('j'))).toBe(false)
    time.advance(5001) // 35 s late, of which 5 are beyond the tolerance
    await expect(verdict(list, token('j'))).rejects.toThrow(RevocationListUnavailable)
    await expect(verdict(heldBack(40), token('j'))).rejects.toThrow(/expired/)
  })

  test('looks for a feed that moved', async () => {
    const list = follow()
    await verdict(list, token('j'))
    service.misbehave = () => new Response(null, { status: 404 })
    await pass(2)
    await verdict(list, token('j'))
    service.misbehave = undefined
    const asked = service.asked.length
    await pass(2)
    await verdict(list, token('j'))
    expect(service.asked.slice(asked)).toContain('/.well-known/oauth-authorization-server')
  })

  test('does no I/O before it is asked', async () => {
    follow({ refreshInRequest: false })
    await Promise.resolve()
    expect(service.asked).toEqual([])
  })
})
