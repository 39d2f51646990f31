import { describe, expect, test } from 'vitest'
import { startNewGeneration } from '../../../src/revocation/maintenance-queries.ts'
import { claimsOf, signFeed } from '../../support/feed-service.ts'
import { followedFeed } from '../../support/followed-feed.ts'
import { addRule, verdict } from '../../support/revocation-rules.ts'

const feed = followedFeed()

describe('a list that follows the feed', () => {
  test('fetches only changes, and after a gap the whole list', async () => {
    const list = feed.follow()
    expect(await verdict(list, feed.token('a'))).toBe(false)
    await addRule(feed.db, feed.clock.now(), { kind: 'token', value: 'a' })
    await feed.pass(2)
    expect(await verdict(list, feed.token('a'))).toBe(true)
    expect(feed.service.asked.at(-1)).toMatch(/^\/revocations\?cursor=\d+\.\d+$/)
    await addRule(feed.db, feed.clock.now(), { kind: 'token', value: 'b' })
    await feed.pass(2)
    const { generation } = claimsOf((await feed.service.feed.document()).body)
    // Someone answers with the changes since a number that the list has not reached.
    feed.service.misbehave = async (url, honest) => {
      if (!url.searchParams.has('cursor')) return await honest()
      return new Response(await signFeed(feed.service.recordKey, feed.claims({ generation, since: 5e15, rules: {} })))
    }
    expect(await verdict(list, feed.token('b'))).toBe(true)
    expect(feed.service.asked.at(-1)).toBe('/revocations')
  })

  test('refuses a document that goes back, keeps its rules, and ages until it no longer answers', async () => {
    const list = feed.follow()
    const old = await feed.service.feed.document()
    await addRule(feed.db, feed.clock.now(), { kind: 'token', value: 'revoked' })
    await feed.pass(2)
    expect(await verdict(list, feed.token('revoked'))).toBe(true)
    feed.service.misbehave = () => new Response(old.body)
    await feed.pass(8)
    expect(await verdict(list, feed.token('revoked'))).toBe(true)
    await feed.pass(3)
    await expect(verdict(list, feed.token('revoked'))).rejects.toThrow(/goes back/)
    feed.service.misbehave = undefined
    await feed.pass(2)
    expect(await verdict(list, feed.token('revoked'))).toBe(true)
  })

  test('refuses a generation that goes back, whatever its sequence', async () => {
    const list = feed.follow()
    await verdict(list, feed.token('j'))
    await feed.pass(2)
    feed.forge({ generation: 1 })
    await verdict(list, feed.token('j'))
    expect((await list.isRevoked(feed.token('j'), [])) === false).toBe(true)
    await feed.pass(9)
    await expect(verdict(list, feed.token('j'))).rejects.toThrow(/goes back/)
  })

  test('accepts a new generation and drops all rules of the old one', async () => {
    const list = feed.follow()
    expect(await verdict(list, feed.token('before the restore'))).toBe(false)
    const issued = feed.token('before the restore')
    await feed.db.transaction((tx) => startNewGeneration(tx, feed.clock.now()))
    await feed.pass(2)
    expect(await verdict(list, issued)).toBe(true)
    await feed.pass(2)
    expect(await verdict(list, feed.token('after the restore'))).toBe(false)
  })

  test('does not download a document again that it has, within the second', async () => {
    const list = feed.follow()
    const answers: number[] = []
    feed.service.misbehave = async (_, honest) => {
      const answer = await honest()
      answers.push(answer.status)
      return answer
    }
    await verdict(list, feed.token('j')) // the whole list
    for (let check = 0; check < 2; check += 1) {
      feed.time.advance(1001)
      await verdict(list, feed.token('j')) // a delta from there, twice the same
    }
    expect(answers).toEqual([200, 200, 304])
  })

  test('finds a feed that moved', async () => {
    const list = feed.follow()
    await verdict(list, feed.token('j'))
    feed.service.misbehave = () => new Response(null, { status: 404 })
    await feed.pass(2)
    await verdict(list, feed.token('j'))
    feed.service.misbehave = undefined
    const asked = feed.service.asked.length
    await feed.pass(2)
    await verdict(list, feed.token('j'))
    expect(feed.service.asked.slice(asked)).toContain('/.well-known/oauth-authorization-server')
  })

  test('does no I/O before its first use', async () => {
    feed.follow({ refreshInRequest: false })
    await Promise.resolve()
    expect(feed.service.asked).toEqual([])
  })
})
