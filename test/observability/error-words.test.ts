import { sql } from 'drizzle-orm'
import { describe, expect, test } from 'vitest'
import { ServiceError } from '../../src/errors.ts'
import { errorWords } from '../../src/observability/error-words.ts'
import { createLog } from '../../src/observability/log.ts'
import { databaseKinds, openTestDatabase } from '../support/databases.ts'

const planted = 'planted-value-that-must-stay-inside'

const denied = (message: string, statement: string) =>
  Object.assign(new Error(`Failed query: ${statement}\nparams: ${planted}`), {
    query: statement,
    cause: Object.assign(new Error(message), { code: '42501', severity: 'ERROR' }),
  })

test.each([
  ['table leases', 'insert into "leases" …', 'grant select, insert on table leases'],
  [
    'table leases',
    'insert into "leases" … on conflict … do update set …',
    'grant select, insert, update on table leases',
  ],
  ['table leases', 'select … from "leases" for share', 'grant select, update on table leases'],
  ['table audit_events', 'select …', 'grant select on table audit_events'],
  ['view mintage_revocations_v1', 'select …', 'grant select on mintage_revocations_v1'],
  ['schema drizzle', 'select …', 'grant usage on schema drizzle'],
  ['schema public', 'CREATE TABLE …', 'grant usage, create on schema public'],
  ['database mintage', 'CREATE SCHEMA …', 'grant create on database mintage'],
])('a refusal for %s by “%s” names the right: %s', (object, statement, grant) => {
  expect(errorWords(denied(`permission denied for ${object}`, statement))).toBe(
    `permission denied for ${object} (SQLSTATE 42501). As the owner, ${grant} to this role`,
  )
})

test('our own words come first, and the words of the connection after them', () => {
  const refused = Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:5432'), { code: 'ECONNREFUSED' })
  const outage = new ServiceError('database_unavailable', { reason: 'the connection was lost', cause: refused })
  const failed = Object.assign(new Error(`Failed query: select 1\nparams: ${planted}`), { cause: outage })
  expect(errorWords(new Error('the database does not answer', { cause: failed }))).toBe(
    'the database does not answer: connect ECONNREFUSED 127.0.0.1:5432',
  )
  const several = new AggregateError([new Error('connect ECONNREFUSED ::1:5432'), refused])
  expect(errorWords(new ServiceError('database_unavailable', { cause: several }))).toBe(
    'connect ECONNREFUSED ::1:5432, connect ECONNREFUSED 127.0.0.1:5432',
  )
})

test('one of our errors is printed without its cause if the database has no part in it', () => {
  expect(errorWords(new Error('ours', { cause: new Error('theirs') }))).toBe('ours')
  expect(errorWords('text')).toBe('something went wrong')
})

describe.each(databaseKinds)('on %s', (kind) => {
  test('a value that the server quotes is neither said nor logged', async () => {
    const { db } = await openTestDatabase(kind)
    for (const statement of [sql`select ${planted}::text::int`, sql`select ${planted}::text::timestamptz`]) {
      const error = await db.execute(statement).catch((error: unknown) => error)
      expect(errorWords(error)).toMatch(/^a value is not valid \(SQLSTATE 22\w{3}\)$/)
      const lines: string[] = []
      createLog({ threshold: 'info', now: () => new Date(0), write: (line) => lines.push(line) })('error', 'x', {
        error,
      })
      expect(lines.join()).toContain('SQLSTATE 22')
      expect(lines.join()).not.toContain(planted)
    }
  })

  test('a broken constraint is named, without the value that broke it', async () => {
    const { db } = await openTestDatabase(kind)
    const insert = sql`insert into organizations (id, name, plan, created_at) values (${planted}, ${planted}, 'free', now())`
    await db.execute(insert)
    const error = await db.execute(insert).catch((error: unknown) => error)
    expect(errorWords(error)).toMatch(
      /^duplicate key value violates unique constraint "organizations_pkey" \(SQLSTATE 23505\)$/,
    )
  })
})
