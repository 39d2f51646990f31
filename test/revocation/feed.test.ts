import { createHash } from 'node:crypto'
import { beforeEach, describe, expect, test } from 'vitest'
import type { Db } from '../../src/db/database.ts'
import { hashedName } from '../../src/kit/revocation/hashed-name.ts'
import { RevocationListUnavailable } from '../../src/kit/revocation/revocation-list.ts'
import { createChangeLog } from '../../src/revocation/change-log.ts'
import { liftRevocationRule } from '../../src/revocation/rule-queries.ts'
import { type MovableClock, movableClock } from '../support/clock.ts'
import { databaseKinds } from '../support/databases.ts'
import { claimsOf, type FeedService, startFeedService } from '../support/feed-service.ts'
import { addRule, openRevocationDatabase, seconds } from '../support/revocation-rules.ts'
import { issuerUrl } from '../support/test-issuer.ts'

const nameOf = (text: string) => createHash('sha256').update(text).digest().subarray(0, 16).toString('base64url')

describe.each(databaseKinds)('the published feed on %s', (kind) => {
  let clock: MovableClock
  let db: Db
  let service: FeedService
  beforeEach(async () => {
    clock = movableClock()
    db = (await openRevocationDatabase(kind, clock.now(), { emptied: true })).db
    service = await startFeedService(db, clock)
  })

  async function revoke(value: string): Promise<string> {
    const id = await addRule(db, clock.now(), { kind: 'token', value })
    await service.list.refresh()
    clock.advance(1)
    return id
  }
  const claims = async (cursor?: string) => claimsOf((await service.feed.document(cursor)).body)
  const cursorOf = ({ generation, sequence }: Record<string, unknown>) => `${generation}.${sequence}`

  test('lists each rule under a truncated hash of its name, never under the name itself', async () => {
    await addRule(db, clock.now(), {
      kind: 'api_key',
      value: 'key_secretive',
      maxVersion: 3,
      issuedBefore: clock.now(),
    })
    await addRule(db, clock.now(), { kind: 'api_key', value: 'key_taken_back', minVersion: 2, maxVersion: 2 })
    await revoke('jti-secretive')
    const { body, maxAgeSeconds } = await service.feed.document()
    const at = seconds(clock.now()) - 1
    const expiresAt = at + 3600 + 30
    expect(claimsOf(body)).toMatchObject({
      iss: issuerUrl,
      iat: at,
      exp: at + 10,
      rules: {
        [nameOf('token:jti-secretive')]: [[null, null, expiresAt, null]],
        [nameOf('api_key:key_secretive')]: [[null, at, expiresAt, 3]],
        [nameOf('api_key:key_taken_back')]: [[null, null, expiresAt, 2, 2]],
      },
    })
    expect(Buffer.from(body.split('.')[1] ?? '', 'base64url').toString()).not.toContain('secretive')
    expect(maxAgeSeconds).toBe(1)
    expect(JSON.parse(Buffer.from(body.split('.')[0] ?? '', 'base64url').toString())).toEqual({
      alg: 'ES256',
      kid: service.recordKey.kid,
      typ: 'mintage-revocations-v2+jwt',
    })
  })

  test('is signed once a second, however often it is requested', async () => {
    const first = await service.feed.document()
    const others = await Promise.all(Array.from({ length: 50 }, () => service.feed.document()))
    expect(new Set([first, ...others].map(({ etag }) => etag)).size).toBe(1)
    expect(service.signatures()).toBe(1)
    await service.list.refresh()
    clock.advance(1)
    expect((await service.feed.document()).etag).not.toBe(first.etag)
    expect(service.signatures()).toBe(2)
  })

  test('is not signed again without a new read, so that an old list never looks fresh', async () => {
    const first = await service.feed.document()
    const { iat } = claimsOf(first.body)
    clock.advance(5)
    await service.feed.document()
    expect(claimsOf((await service.feed.document()).body).iat).toBe(iat)
  })

  test('lists what changed since a cursor, lifted rules included', async () => {
    const lifted = await revoke('a')
    const first = await claims()
    await liftRevocationRule(db, lifted, clock.now())
    await revoke('b')
    const delta = await claims(cursorOf(first))
    expect(delta.since).toBe(first.sequence)
    expect(delta.sequence).toBe(Number(first.sequence) + 2)
    expect(delta.rules).toEqual({ [nameOf('token:a')]: [], [nameOf('token:b')]: [expect.any(Array)] })
    expect(await claims(cursorOf(delta))).toMatchObject({ since: delta.sequence, rules: {} })
  })

  test('lists every rule of a name that changed', async () => {
    await revoke('a')
    const cursor = cursorOf(await claims())
    await revoke('a')
    expect((await claims(cursor)).rules).toEqual({
      [nameOf('token:a')]: [expect.any(Array), expect.any(Array)],
    })
  })

  test('answers a cursor of another instance, even one that is ahead', async () => {
    const other = await startFeedService(db, clock)
    await service.feed.document()
    await addRule(db, clock.now(), { kind: 'token', value: 'a' })
    await other.list.refresh()
    const ahead = claimsOf((await other.feed.document()).body)
    clock.advance(0.5)
    expect(await claims(cursorOf(ahead))).toMatchObject({ since: ahead.sequence, sequence: ahead.sequence })
  })

  test('answers invented cursors with the whole list, and signs a limited number of documents for them', async () => {
    await revoke('a')
    const hostile = [
      '',
      '-',
      'x',
      '0.0',
      '1.1',
      '1-1-1',
      `${clock.now().getTime()}.1e3`,
      "'; drop table revocations",
      `${'9'.repeat(16)}.${'9'.repeat(20)}`,
      '9'.repeat(10_000),
      '__proto__',
    ]
    for (const cursor of hostile) {
      const { since, rules } = await claims(cursor)
      expect(since).toBeUndefined()
      expect(rules).toHaveProperty(nameOf('token:a'))
    }
    const { generation, sequence } = await claims()
    for (const beyond of [Number(sequence) + 1, Number.MAX_SAFE_INTEGER])
      expect((await claims(`${generation}.${beyond}`)).since).toBeUndefined()
    const before = service.signatures()
    for (let back = 0; back < 200; back += 1) await claims(`${generation}.${Number(sequence) - (back % 2)}${back}`)
    for (let zeros = 0; zeros < 200; zeros += 1) await claims(`${String(generation).padStart(zeros, '0')}.${sequence}`)
    expect(service.signatures() - before).toBeLessThanOrEqual(40)
  })

  test('is not available before the list is', async () => {
    const broken = await startFeedService((await openRevocationDatabase(kind, clock.now())).db, clock)
    await broken.list.close()
    await expect(broken.feed.document()).rejects.toThrow(RevocationListUnavailable)
  })
})

test('the hash of a name is the first 16 bytes of its SHA-256', async () => {
  for (const name of ['token:j', 'subject:org_1 ü🙂', 'all:*', '']) expect(await hashedName(name)).toBe(nameOf(name))
})

describe('the log of changes', () => {
  test('never omits a changed name while it claims to know them all', () => {
    const log = createChangeLog(10)
    expect(log.since(0)).toBeUndefined()
    log.restart(100)
    for (let number = 1; number <= 100; number += 1) {
      log.add(100 + number, `name ${number}`)
      for (let from = 99; from <= 100 + number; from += 1) {
        const names = log.since(from)
        if (names) expect(names.size).toBe(100 + number - from)
      }
      expect(log.since(100 + number)?.size).toBe(0)
    }
    expect(log.since(100)).toBeUndefined()
  })

  test('knows the last change of a name that changed often', () => {
    const log = createChangeLog(10)
    log.restart(0)
    for (const number of [1, 3, 2]) log.add(number, 'name')
    expect([...(log.since(2) ?? [])]).toEqual(['name'])
    expect([...(log.since(3) ?? [])]).toEqual([])
  })
})
