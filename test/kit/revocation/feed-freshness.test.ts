import { describe, expect, test } from 'vitest'
import { RevocationListUnavailable } from '../../../src/kit/revocation/revocation-list.ts'
import { followedFeed } from '../../support/followed-feed.ts'
import { seconds, verdict } from '../../support/revocation-rules.ts'

const feed = followedFeed()

describe('a list that follows the feed', () => {
  test('does not count an unsigned 304 as news', async () => {
    const list = feed.follow()
    await verdict(list, feed.token('j'))
    feed.service.misbehave = (_, __, init) => {
      const etag = new Headers(init.headers).get('if-none-match')
      return new Response(etag === null ? 'no' : null, { status: etag === null ? 500 : 304 })
    }
    feed.time.advance(9999)
    expect(await verdict(list, feed.token('j'))).toBe(false)
    feed.time.advance(2)
    await expect(verdict(list, feed.token('j'))).rejects.toThrow(RevocationListUnavailable)
  })

  test('does not count the same document again as news', async () => {
    const list = feed.follow()
    const { body } = await feed.service.feed.document()
    feed.service.misbehave = () => new Response(body)
    await verdict(list, feed.token('j'))
    feed.time.advance(10_001)
    await expect(verdict(list, feed.token('j'))).rejects.toThrow(RevocationListUnavailable)
  })

  test('ages while the service itself has no news, no matter how often it signs', async () => {
    const list = feed.follow()
    await verdict(list, feed.token('j'))
    const iat = seconds(feed.clock.now())
    feed.clock.advance(8)
    feed.time.advance(10_001)
    feed.forge({ iat, exp: iat + 10 })
    await expect(verdict(list, feed.token('j'))).rejects.toThrow(RevocationListUnavailable)
  })

  test('works with a clock that differs by less than the tolerance, in both directions', async () => {
    for (const difference of [-29, 29]) {
      const list = feed.follow({ now: () => new Date(feed.clock.now().getTime() + difference * 1000) })
      expect(await verdict(list, feed.token('j'))).toBe(false)
      await feed.pass(9)
      expect(await verdict(list, feed.token('j'))).toBe(false)
    }
  })

  test('accepts a first document that was delayed up to its expiry plus the tolerance', async () => {
    const { body } = await feed.service.feed.document()
    const heldBack = (late: number) => {
      feed.service.misbehave = () => new Response(body)
      return feed.follow({ now: () => new Date(feed.clock.now().getTime() + late * 1000) })
    }
    expect(await verdict(heldBack(39), feed.token('j'))).toBe(false)
    const list = heldBack(35)
    expect(await verdict(list, feed.token('j'))).toBe(false)
    feed.time.advance(5001) // 35 s late, of which 5 are beyond the tolerance
    await expect(verdict(list, feed.token('j'))).rejects.toThrow(RevocationListUnavailable)
    await expect(verdict(heldBack(40), feed.token('j'))).rejects.toThrow(/expired/)
  })
})
