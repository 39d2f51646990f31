import { like, sql } from 'drizzle-orm'
import { beforeAll, describe, expect, test } from 'vitest'
import type { Db } from '../../src/db/database.ts'
import { databaseFailure, sqlState } from '../../src/db/failure.ts'
import { organizations, serviceState } from '../../src/db/schema.ts'
import { ServiceError } from '../../src/errors.ts'
import { databaseKinds, openTestDatabase } from '../support/databases.ts'

const planted = 'planted-value-that-must-stay-inside'
const row = { id: planted, name: planted, plan: 'free', createdAt: new Date(0) }

const serverError = (code: string, severity = 'ERROR') =>
  Object.assign(new Error('said by the server'), { code, severity })
const wrapped = (cause: Error) =>
  Object.assign(new Error(`Failed query: … params: ${planted}`, { cause }), { query: 'select $1' })

test.each([
  ['57014', 'a cancelled statement'],
  ['57P01', 'an administrator who shuts the server down'],
  ['57P03', 'a server that is starting'],
  ['53300', 'a server without a free connection'],
  ['53100', 'a full disk'],
  ['25006', 'a server that became a replica'],
  ['40P01', 'a deadlock'],
  ['40001', 'a serialization failure'],
  ['55P03', 'a lock not to be had'],
  ['28P01', 'a password refused'],
  ['08006', 'a connection failure'],
])('%s, %s, is unavailability', (code) => {
  expect(databaseFailure(wrapped(serverError(code)))?.code).toBe('database_unavailable')
})

test('an outage that the driver reports is found inside wrapped errors', () => {
  const outage = new ServiceError('outcome_unknown')
  expect(databaseFailure(wrapped(outage))).toBe(outage)
  expect(databaseFailure(outage)).toBe(outage)
})

test('an error that does not come from the database is left unchanged', () => {
  for (const error of [
    new ServiceError('not_found'),
    new TypeError('x'),
    new Error('x', { cause: new ServiceError('conflict') }),
    undefined,
    'x',
  ]) {
    expect(databaseFailure(error)).toBeUndefined()
  }
  expect(sqlState(Object.assign(new Error('connect'), { code: 'EPIPE' }))).toBeUndefined()
})

describe.each(databaseKinds)('on %s', (kind) => {
  let db: Db
  beforeAll(async () => {
    db = (await openTestDatabase(kind)).db
  })
  const idsLike = async (pattern: string) =>
    (
      await db
        .select({ id: organizations.id })
        .from(organizations)
        .where(like(organizations.id, pattern))
        .orderBy(organizations.id)
    ).map(({ id }) => id)

  test('a broken constraint has its SQLSTATE, and its reason contains no value of the statement', async () => {
    await db.insert(organizations).values(row)
    const error = await db
      .insert(organizations)
      .values(row)
      .catch((error: unknown) => error)
    expect(sqlState(error)).toBe('23505')
    const failure = databaseFailure(error)
    expect(failure).toMatchObject({ code: 'internal', reason: expect.stringContaining('23505') })
    expect(failure?.reason).toContain('organizations')
    expect(`${failure?.message} ${failure?.reason} ${failure?.stack} ${failure?.cause}`).not.toContain(planted)
  })

  test('a failed statement undoes its whole transaction, and the caller gets an error even if the work ignored it', async () => {
    const swallowed = db.transaction(async (tx) => {
      await tx.insert(organizations).values({ ...row, id: 'org_one' })
      await tx.execute(sql`select 1 / 0`).catch(() => {})
    })
    expect(sqlState(await swallowed.catch((error: unknown) => error))).toBe('22012')
    expect(await idsLike('org_one')).toEqual([])
  })

  test('a transaction inside a transaction can fail alone', async () => {
    await db.transaction(async (tx) => {
      await tx.insert(organizations).values({ ...row, id: 'org_outer' })
      const inner = tx.transaction(async (inner) => {
        await inner.insert(organizations).values({ ...row, id: 'org_inner' })
        await inner.insert(organizations).values({ ...row, id: 'org_outer' })
      })
      expect(sqlState(await inner.catch((error: unknown) => error))).toBe('23505')
      await tx.transaction((other) => other.insert(organizations).values({ ...row, id: 'org_other' }))
    })
    expect(await idsLike('org_%')).toEqual(['org_other', 'org_outer'])
  })

  test('an error of the work undoes the transaction and is rethrown unchanged', async () => {
    const refused = new ServiceError('conflict')
    const work = db.transaction(async (tx) => {
      await tx.insert(organizations).values({ ...row, id: 'refused' })
      throw refused
    })
    await expect(work).rejects.toBe(refused)
    expect(await idsLike('refused')).toEqual([])
  })

  test('an isolation level can be chosen', async () => {
    const level = await db.transaction(
      (tx) => tx.select({ level: sql`current_setting('transaction_isolation')` }).from(sql`(select 1) as one`),
      {
        isolationLevel: 'serializable',
      },
    )
    expect(level).toEqual([{ level: 'serializable' }])
  })

  test('arrays, dates, 64-bit numbers and JSON work in plain fragments as in columns', async () => {
    const at = new Date('2026-02-03T04:05:06.789Z')
    const texts = ['plain', 'with "quotes"', 'back\\slash', 'com,ma', '{brace}', '', 'NULL', 'žluť']
    const find = db
      .select({
        texts: sql<string>`array_to_json(${sql.placeholder('texts')}::text[])::text`,
        numbers: sql<string>`array_to_json(${sql.placeholder('numbers')}::integer[])::text`,
        none: sql<number>`cardinality(${sql.placeholder('none')}::text[])`,
        milliseconds: sql`extract(epoch from ${sql.placeholder('at')}::timestamptz) * 1000`.mapWith(Number),
      })
      .from(sql`(select 1) as one`)
      .prepare('parameters')
    const given = { texts, numbers: [1, 2, 3], none: [], at }
    const expected = [{ texts: JSON.stringify(texts), numbers: '[1,2,3]', none: 0, milliseconds: at.getTime() }]
    expect(
      (await find.execute(given)).map((row) => ({
        ...row,
        texts: JSON.stringify(JSON.parse(row.texts)),
        numbers: row.numbers.replaceAll(' ', ''),
      })),
    ).toEqual(expected)

    const state = { ringGeneration: 2 ** 40, createdAt: at }
    await db.insert(serviceState).values(state)
    expect(await db.select().from(serviceState)).toMatchObject([state])
  })
})
