import { createHash } from 'node:crypto'
import { beforeEach, describe, expect, test } from 'vitest'
import type { Db } from '../../src/db/database.ts'
import { createChangeLog } from '../../src/kit/revocation/change-log.ts'
import { hashedName } from '../../src/kit/revocation/hashed-name.ts'
import { RevocationListUnavailable } from '../../src/kit/revocation/revocation-list.ts'
import { parseCursor, parseSnapshot } from '../../src/kit/revocation/snapshot.ts'
import { liftRevocationRule } from '../../src/revocation/rule-queries.ts'
import { type MovableClock, movableClock } from '../support/clock.ts'
import { databaseKinds } from '../support/databases.ts'
import { claimsOf, type FeedService, startFeedService } from '../support/feed-service.ts'
import { addRule, openRevocationDatabase, seconds } from '../support/revocation-rules.ts'
import { eventually } from '../support/service-process.ts'
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
    const effectiveAt = seconds(clock.now()) - 1
    const expiresAt = effectiveAt + 3600 + 30
    expect(claimsOf(body)).toMatchObject({
      iss: issuerUrl,
      iat: effectiveAt,
      exp: effectiveAt + 10,
      rules: {
        [nameOf('token:jti-secretive')]: [[effectiveAt, null, expiresAt, null]],
        [nameOf('api_key:key_secretive')]: [[effectiveAt, effectiveAt, expiresAt, 3]],
        [nameOf('api_key:key_taken_back')]: [[effectiveAt, null, expiresAt, 2, 2]],
      },
    })
    expect(Buffer.from(body.split('.')[1] ?? '', 'base64url').toString()).not.toContain('secretive')
    expect(maxAgeSeconds).toBe(1)
    expect(JSON.parse(Buffer.from(body.split('.')[0] ?? '', 'base64url').toString())).toEqual({
      alg: 'ES256',
      kid: service.recordKey.kid,
      typ: 'mintage-revocations+jwt',
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
    const { cursor } = await claims()
    await liftRevocationRule(db, lifted, clock.now())
    await revoke('b')
    const delta = await claims(String(cursor))
    expect(delta.since).toBe(cursor)
    expect(delta.rules).toEqual({ [nameOf('token:a')]: [], [nameOf('token:b')]: [expect.any(Array)] })
    expect(BigInt(String(delta.sequence)) > 0n).toBe(true)
    // While an older transaction runs anywhere on the server, later changes are sent again.
    let { cursor: next } = delta
    await eventually(async () => {
      await service.list.refresh()
      clock.advance(1)
      const later = await claims(String(next))
      next = later.cursor
      return !(nameOf('token:a') in Object(later.rules))
    })
  })

  test('lists every rule of a name that changed', async () => {
    await revoke('a')
    const { cursor } = await claims()
    await revoke('a')
    expect((await claims(String(cursor))).rules).toEqual({
      [nameOf('token:a')]: [expect.any(Array), expect.any(Array)],
    })
  })

  test('answers a cursor of another instance, even one that is ahead', async () => {
    const other = await startFeedService(db, clock)
    await service.feed.document()
    await addRule(db, clock.now(), { kind: 'token', value: 'a' })
    await other.list.refresh()
    const { cursor, sequence } = claimsOf((await other.feed.document()).body)
    clock.advance(0.5)
    const answer = await claims(String(cursor))
    expect(BigInt(String(answer.sequence)) >= BigInt(String(sequence))).toBe(true)
    const known = Object.keys({ ...Object(answer.rules) })
    if (answer.since === undefined) expect(known).toContain(nameOf('token:a'))
    else expect(answer.since).toBe(cursor)
  })

  test('answers invented cursors with the whole list, and signs a limited number of documents for them', async () => {
    await revoke('a')
    const hostile = [
      '',
      '-',
      'x',
      '0-0',
      '1-1',
      "'; drop table revocations",
      `${'9'.repeat(16)}-${'9'.repeat(20)}`,
      '9'.repeat(10_000),
      '__proto__',
    ]
    for (const cursor of hostile) {
      const { since, rules } = await claims(cursor)
      expect(since).toBeUndefined()
      expect(rules).toHaveProperty(nameOf('token:a'))
    }
    const { cursor = '' } = await claims()
    const [generation, xmin] = String(cursor).split('-')
    const before = service.signatures()
    for (let back = 0n; back < 200n; back += 1n) await claims(`${generation}-${BigInt(xmin ?? 0) - back}`)
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

describe('the position of a snapshot', () => {
  const sequence = (text: string) => parseSnapshot(1, text).sequence

  test('grows with every visible change', () => {
    // In order of visibility: transactions begin, and end out of order.
    const snapshots = [
      '100:100:',
      '100:101:100',
      '100:103:100,101',
      '100:103:100',
      '103:103:',
      '103:104:',
      '104:200:104,150',
      '150:200:150',
    ]
    const sequences = snapshots.map(sequence)
    expect(sequences).toEqual([...sequences].sort((a, b) => (a < b ? -1 : 1)))
    expect(new Set(sequences).size).toBe(sequences.length)
  })

  test('is not derived from other text', () => {
    for (const text of ['', '1', '1:2', 'a:b:', '1:2:x', '-1:2:'])
      expect(() => sequence(text)).toThrow('did not return a snapshot')
    for (const text of ['', '1', '1-', '-1', '1-2', '1-2-', '1-2-3-4', '1.5-2-3', ' 1-2-3'])
      expect(parseCursor(text)).toBeUndefined()
  })
})

// The embedded database has one session, so no transaction can stay open there while the feed reads.
describe.each(databaseKinds.filter((kind) => kind === 'postgres'))('while an old transaction is open on %s', (kind) => {
  test('a cursor of another instance that is ahead is answered, and no reader is sent back', async () => {
    const clock = movableClock()
    const { db } = await openRevocationDatabase(kind, clock.now(), { emptied: true })
    const [service, other] = [await startFeedService(db, clock), await startFeedService(db, clock)]
    await service.feed.document()
    const released = Promise.withResolvers<void>()
    const open = Promise.withResolvers<void>()
    const old = db.transaction(async (tx) => {
      await addRule(tx, clock.now(), { kind: 'token', value: 'old' })
      open.resolve()
      await released.promise
    })
    await open.promise
    await service.list.refresh()
    await addRule(db, clock.now(), { kind: 'token', value: 'a' })
    await other.list.refresh()
    const { cursor, sequence } = claimsOf((await other.feed.document()).body)
    clock.advance(0.5)
    const answer = claimsOf((await service.feed.document(String(cursor))).body)
    released.resolve()
    await old
    expect(BigInt(String(answer.sequence))).toBeGreaterThanOrEqual(BigInt(String(sequence)))
  })
})

describe('the log of changes', () => {
  test('never omits a changed name while it claims to know them all', () => {
    const log = createChangeLog(10)
    expect(log.since(0n)).toBeUndefined()
    log.restart(100n)
    for (let number = 0n; number < 100n; number += 1n) {
      log.add(100n + number, `name ${number}`)
      for (let from = 99n; from <= 100n + number; from += 1n) {
        const names = log.since(from)
        if (names) expect(names.size).toBe(Number(100n + number - from + 1n))
      }
      expect(log.since(100n + number)?.size).toBe(1)
    }
    expect(log.since(100n)).toBeUndefined()
  })

  test('drops the changes of one transaction together', () => {
    const log = createChangeLog(10)
    log.restart(1n)
    for (let number = 0; number < 50; number += 1) log.add(7n, `name ${number}`)
    log.add(8n, 'later')
    expect(log.since(7n)).toBeUndefined()
    expect([...(log.since(8n) ?? [])]).toEqual(['later'])
  })
})
