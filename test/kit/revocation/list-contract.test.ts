import fc from 'fast-check'
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import type { Db } from '../../../src/db/database.ts'
import { feedRevocationList } from '../../../src/kit/revocation/feed.ts'
import { memoryRevocationList } from '../../../src/kit/revocation/memory.ts'
import { postgresRevocationList } from '../../../src/kit/revocation/postgres.ts'
import {
  type RevocableToken,
  type RevocationKind,
  type RevocationList,
  RevocationListUnavailable,
} from '../../../src/kit/revocation/revocation-list.ts'
import { liftRevocationRule } from '../../../src/revocation/rule-queries.ts'
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

/** A list, and a way to write its rules: into memory, or into the database that the list follows. */
type Setup = {
  list: RevocationList
  add(rule: RuleChanges): Promise<() => Promise<void>>
}
type Implementation = { name: string; start(clock: MovableClock): Promise<Setup> }

const memory: Implementation = {
  name: 'memory',
  async start(clock) {
    const list = memoryRevocationList({ now: clock.now })
    return {
      list,
      async add({ kind, value, minVersion, maxVersion, issuedBefore, effectiveAt }) {
        const lift = list.revoke({
          kind,
          value,
          minVersion: minVersion ?? null,
          maxVersion: maxVersion ?? null,
          issuedBefore: issuedBefore ? seconds(issuedBefore) : null,
          ...(effectiveAt && { effectiveAt: seconds(effectiveAt) }),
        })
        return async () => lift()
      },
    }
  },
}

function overDatabase(db: Db, clock: MovableClock, list: RevocationList, committed = async () => {}): Setup {
  return {
    list,
    async add(rule) {
      const id = await addRule(db, clock.now(), rule)
      await committed()
      return async () => {
        await liftRevocationRule(db, id, clock.now())
        await committed()
      }
    },
  }
}

const implementations: Implementation[] = [memory]
for (const kind of databaseKinds) {
  implementations.push({
    name: `the service's own list on ${kind}`,
    async start(clock) {
      const database = await openRevocationDatabase(kind, clock.now(), { emptied: true })
      const list = createServiceRevocationList({ db: database.db, database, now: clock.now, pollMilliseconds: 20 })
      list.start()
      return overDatabase(database.db, clock, list)
    },
  })
  implementations.push({
    name: `feed on ${kind}`,
    async start(clock) {
      const { db } = await openRevocationDatabase(kind, clock.now(), { emptied: true })
      const { fetch, list: published } = await startFeedService(db, clock)
      const list = feedRevocationList({ issuer: issuerUrl, fetch, now: clock.now, refreshMilliseconds: 20 })
      return overDatabase(db, clock, list, async () => {
        await published.refresh()
        clock.advance(1) // a feed is signed once a second
      })
    },
  })
}
if (databaseKinds.includes('postgres')) {
  for (const mode of ['synced', 'strict'] as const) {
    implementations.push({
      name: `postgres, ${mode}`,
      async start(clock) {
        const { db, url = '' } = await openRevocationDatabase('postgres', clock.now(), { emptied: true })
        return overDatabase(
          db,
          clock,
          postgresRevocationList({ url, mode, now: clock.now, pollMilliseconds: 20, deadlineMilliseconds: 10_000 }),
        )
      },
    })
  }
}

describe.each(implementations)('a revocation list, $name', ({ start }) => {
  const clock = movableClock()
  let setup: Setup
  let number = 0
  let token: RevocableToken

  // One list for the file. Each test has its own token, so the rules of other tests do not affect it.
  let started: Promise<Setup> | undefined
  beforeEach(async () => {
    started ??= start(clock)
    setup = await started
    await setup.list.ready()
    number += 1
    token = someToken(clock, {
      jti: `jti-${number}`,
      clientId: `key_${number}`,
      organizationId: `org_${number}`,
      subject: `user ${number}`,
      kid: `kid-${number}`,
      keyVersion: 2,
    })
  })
  afterAll(async () => (await started)?.list.close())

  const valueNamed: Record<Exclude<RevocationKind, 'all'>, (of: RevocableToken) => string> = {
    token: ({ jti }) => jti,
    api_key: ({ clientId }) => clientId,
    subject: ({ organizationId, subject }) => `${organizationId} ${subject}`,
    organization: ({ organizationId }) => organizationId,
    signing_key: ({ kid }) => kid,
  }

  test.each(Object.keys(valueNamed) as (keyof typeof valueNamed)[])(
    'refuses what a rule of kind %s names, and nothing else',
    async (kind) => {
      const stranger = someToken(clock, {
        jti: 'x',
        clientId: 'x',
        organizationId: 'x',
        subject: token.subject,
        kid: 'x',
      })
      expect(await verdict(setup.list, token)).toBe(false)
      const lift = await setup.add({ kind, value: valueNamed[kind](token) })
      await untilVerdict(setup.list, token, true)
      expect(await verdict(setup.list, stranger)).toBe(false)
      await lift()
      await untilVerdict(setup.list, token, false)
    },
  )

  test('refuses everything under a rule on all, including the second of the rule', async () => {
    const lift = await setup.add({ kind: 'all', value: '*', issuedBefore: clock.now() })
    await untilVerdict(setup.list, token, true)
    expect(await verdict(setup.list, { ...token, issuedAt: Math.ceil(seconds(clock.now())) + 1 })).toBe(false)
    await lift()
    await untilVerdict(setup.list, token, false)
  })

  test('refuses the versions of a key up to the one in the rule', async () => {
    await setup.add({ kind: 'api_key', value: token.clientId, maxVersion: 2 })
    await untilVerdict(setup.list, token, true)
    expect(await verdict(setup.list, { ...token, keyVersion: 3 })).toBe(false)
  })

  test('refuses exactly the versions that its rules name, whatever they name', async () => {
    const version = fc.option(fc.integer({ min: 1, max: 5 }), { nil: undefined })
    const ranges = fc.array(fc.record({ minVersion: version, maxVersion: version }), { minLength: 1, maxLength: 3 })
    let run = 0
    const agrees = async (rules: readonly { minVersion: number | undefined; maxVersion: number | undefined }[]) => {
      run += 1
      const [clientId, jti] = [`${token.clientId}-${run}`, `${token.jti}-${run}`]
      const named = (keyVersion: number) =>
        rules.some(({ minVersion: first = 1, maxVersion: last = 6 }) =>
          Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => first + index).includes(keyVersion),
        )
      for (const { minVersion, maxVersion } of rules) {
        const limits = { ...(minVersion && { minVersion }), ...(maxVersion && { maxVersion }) }
        await setup.add({ kind: 'api_key', value: clientId, ...limits })
      }
      await setup.add({ kind: 'token', value: jti })
      await untilVerdict(setup.list, { ...token, jti }, true) // so the others are there too
      for (const keyVersion of [1, 2, 3, 4, 5, 6]) {
        const verdictOn = await verdict(setup.list, { ...token, clientId, keyVersion })
        expect([rules, keyVersion, verdictOn]).toEqual([rules, keyVersion, named(keyVersion)])
      }
    }
    await fc.assert(fc.asyncProperty(ranges, agrees), {
      numRuns: 12,
      examples: [[[{ minVersion: 2, maxVersion: 2 }]], [[{ minVersion: 3, maxVersion: undefined }]]],
    })
  })

  test('refuses by a scheduled rule from its time on, without fetching anything', async () => {
    const effectiveAt = new Date(clock.now().getTime() + 60_000)
    await setup.add({ kind: 'token', value: token.jti, effectiveAt })
    await setup.add({ kind: 'token', value: `${token.jti}-seen` })
    await untilVerdict(setup.list, { ...token, jti: `${token.jti}-seen` }, true) // so the scheduled one is there too
    expect(await verdict(setup.list, token)).toBe(false)
    clock.set(effectiveAt)
    await untilVerdict(setup.list, token, true)
  })

  test('considers every rule on a name', async () => {
    const minute = 60_000
    await setup.add({
      kind: 'organization',
      value: token.organizationId,
      issuedBefore: new Date(clock.now().getTime() - minute),
    })
    const lift = await setup.add({ kind: 'organization', value: token.organizationId })
    await setup.add({
      kind: 'organization',
      value: token.organizationId,
      issuedBefore: new Date(clock.now().getTime() - 2 * minute),
    })
    await untilVerdict(setup.list, token, true)
    await lift()
    await untilVerdict(setup.list, token, false)
    expect(await verdict(setup.list, { ...token, issuedAt: token.issuedAt - 120 })).toBe(true)
  })

  test('finds names with any characters', async () => {
    const subject = `a'b"c\\d%_{}🙂é ${number}`
    await setup.add({ kind: 'subject', value: `${token.organizationId} ${subject}` })
    await untilVerdict(setup.list, { ...token, subject }, true)
    expect(await verdict(setup.list, { ...token, subject: `${subject}\0` })).toBe(false)
    expect(await verdict(setup.list, { ...token, subject: '\ud800' })).toBe(false)
  })

  test('reports that it is usable', () => {
    expect(setup.list.state()).toMatchObject({ usable: true })
    expect(setup.list.state().ageMilliseconds).toBeGreaterThanOrEqual(0)
  })
})

describe.each(implementations.slice(1))('a closed revocation list, $name', ({ start }) => {
  test('no longer answers', async () => {
    const clock = movableClock()
    const { list } = await start(clock)
    await list.ready()
    await list.close()
    await expect(verdict(list, someToken(clock))).rejects.toThrow(RevocationListUnavailable)
    await expect(list.ready(10)).rejects.toThrow(RevocationListUnavailable)
    expect(list.state()).toMatchObject({ usable: false, reason: 'the revocation list is closed' })
  })
})
