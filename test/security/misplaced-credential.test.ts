import { sql } from 'drizzle-orm'
import { beforeAll, describe, expect, test } from 'vitest'
import { generateApiKey } from '../../src/api-keys/format.ts'
import type { Db } from '../../src/db/database.ts'
import { type ApiDocument, type ApiOperation, readApiDocument, type Schema } from '../support/api-document.ts'
import { credentialsIn } from '../support/printed-credentials.ts'
import { startTestService, type TestService } from '../support/test-service.ts'

let service: TestService
let document: ApiDocument
/** What a caller could put into a wrong place. */
let planted: Record<string, string>

beforeAll(async () => {
  service = await startTestService()
  document = await readApiDocument(service)
  const exchanged = await service.request('/token', { method: 'POST', headers: { 'x-api-key': service.rootKey } })
  const { access_token: token } = await exchanged.json()
  planted = {
    'a valid key': service.testKey,
    'a key that does not exist': generateApiKey('live'),
    'a key with a prefix of earlier days': generateApiKey('test', 'old'),
    'an access token': token,
  }
})

const percentEncoded = (character: string) => `%${character.charCodeAt(0).toString(16)}`

type Planted = { where: string; path: string; init: RequestInit }

/** The request once for each place that the document knows, with the text in that place. */
function plantedRequests(operation: ApiOperation, text: string): Planted[] {
  const { method, path, parameters, body, form, name } = operation
  const filled = path.replace(/\{\w+\}/g, '1')
  const headers = { authorization: `Bearer ${service.rootKey}` }
  const bodies = (schema: Schema | undefined, type: string, encode: (value: unknown) => string): Planted[] =>
    plantedValues(schema, text).map(({ at, value }) => ({
      where: `${name} ${at} of the body`,
      path: filled,
      init: { method, headers: { ...headers, 'content-type': type }, body: encode(value) },
    }))
  return [
    ...parameters.flatMap((parameter): Planted[] => {
      const where = `${name} ${parameter.name} in the ${parameter.in}`
      if (parameter.in === 'header')
        return [{ where, path: filled, init: { method, headers: { ...headers, [parameter.name]: text } } }]
      if (parameter.in === 'query')
        return [{ where, path: `${filled}?${parameter.name}=${text}`, init: { method, headers } }]
      const withText = path.replace(`{${parameter.name}}`, text).replace(/\{\w+\}/g, '1')
      return [
        { where, path: withText, init: { method, headers } },
        {
          where: `${where}, escaped`,
          path: withText.replaceAll('_', '%5F').replaceAll('.', '%2e'),
          init: { method, headers },
        },
        {
          where: `${where}, escaped twice`,
          path: withText.replaceAll('_', '%255F').replaceAll('.', '%252e'),
          init: { method, headers },
        },
      ]
    }),
    ...[
      'user-agent',
      'mintage-verifier',
      'idempotency-key',
      'cookie',
      'x-request-id',
      'x-forwarded-for',
      'referer',
    ].map((header) => ({
      where: `${name} ${header}`,
      path: filled,
      init: { method, headers: { ...headers, [header]: text } },
    })),
    ...bodies(body, 'application/json', JSON.stringify),
    ...bodies(form, 'application/x-www-form-urlencoded', (value) => String(new URLSearchParams(Object(value)))).filter(
      ({ where }) => !/ (?:token|subject_token|client_secret)\b[^/]* of the body$/.test(where),
    ),
  ]
}

/**
 * For each text in the schema a value that has the secret there, and for each free name one with the secret as its
 * name.
 */
function plantedValues(schema: Schema | undefined, text: string, at = ''): { at: string; value: unknown }[] {
  const resolved = document.resolve(schema)
  if (!resolved) return []
  const { properties = {}, items, anyOf = [], allOf = [], additionalProperties } = resolved
  const found = [
    ...Object.entries(properties).flatMap(([name, inner]) =>
      plantedValues(inner, text, name).map((each) => ({ at: each.at, value: { [name]: each.value } })),
    ),
    ...plantedValues(items, text, `${at} item`).map((each) => ({ at: each.at, value: [each.value] })),
    ...[...anyOf, ...allOf].flatMap((inner) => plantedValues(inner, text, at)),
    ...(typeof additionalProperties === 'object'
      ? [
          { at: `a name in ${at}`, value: { [text]: 'x' } },
          { at: `a value in ${at}`, value: { x: { deeper: [text] } } },
        ]
      : []),
  ]
  return found.length > 0
    ? found
    : [
        { at, value: text },
        { at: `${at}, inside a sentence,`, value: `key: ${text}.` },
      ]
}

/** Everything that the database holds, as text. */
async function everyTable(db: Db): Promise<string> {
  const tables = await db
    .select({ name: sql<string>`quote_ident(schemaname) || '.' || quote_ident(tablename)` })
    .from(sql`pg_tables`)
    .where(sql`schemaname not in ('pg_catalog', 'information_schema')`)
  const rows = await Promise.all(
    tables.map(({ name }) => db.select({ row: sql`row_to_json(t)::text` }).from(sql.raw(`${name} t`))),
  )
  return JSON.stringify(rows.flat())
}

describe('a credential in a wrong place', () => {
  test('is refused in every path, query, header and member that the API document has, and is stored nowhere', async () => {
    const accepted: string[] = []
    let count = 0
    for (const [what, text] of Object.entries(planted)) {
      for (const operation of [...document.operations, ...document.others]) {
        for (const { where, path, init } of plantedRequests(operation, text)) {
          count += 1
          const response = await service.request(path, init)
          const { code, error, error_description: description = '' } = JSON.parse((await response.text()) || '{}')
          const isRefused = response.status === 400 && (code === 'misplaced_credential' || error === 'invalid_request')
          if (!isRefused || (error && !description.includes('Treat it as leaked'))) accepted.push(`${what}: ${where}`)
        }
      }
    }
    await service.services.usage.flush()
    expect(accepted).toEqual([])
    expect(count).toBeGreaterThan(2000)
    expect(credentialsIn(await everyTable(service.services.db))).toEqual([])
    expect(credentialsIn(JSON.stringify(service.logged))).toEqual([])
  })

  test('is refused at paths that do not exist, before the caller is authenticated', async () => {
    for (const text of Object.values(planted)) {
      expect((await service.request(`/${text}`)).status).toBe(400)
      expect((await service.request(`/v1/api-keys/${text}`)).status).toBe(400)
    }
  })

  test('is found in any depth and length of a body, which is refused and never fails', async () => {
    const headers = { authorization: `Bearer ${service.rootKey}`, 'content-type': 'application/json' }
    const post = async (body: string) => await service.request('/v1/api-keys/import', { method: 'POST', headers, body })
    const long = `[${'1,'.repeat(400_000)}1]`
    const deep = `${'['.repeat(5000)}"${service.testKey}"${']'.repeat(5000)}`
    expect((await post(long)).status).toBe(400)
    expect(await (await post(deep)).json()).toMatchObject({ status: 400, code: 'misplaced_credential' })
  })

  test('is refused in other spellings too, and its text is not logged', async () => {
    const headers = { authorization: `Bearer ${service.rootKey}`, 'content-type': 'application/json' }
    for (const text of [service.testKey, planted['an access token'] ?? '']) {
      for (const spelled of [`token-${text}`, text.replaceAll(/[_.]/g, percentEncoded), btoa(`key_1:${text}`)]) {
        const json = JSON.stringify({ kind: 'token', value: 'x', reason: 'other', text: spelled })
        const requests: [string, RequestInit][] = [
          ['/v1/me', { headers: { ...headers, 'user-agent': spelled } }],
          ['/token', { method: 'POST', headers: { 'x-api-key': service.testKey, 'user-agent': spelled } }],
          ['/.well-known/jwks.json', { headers: { 'mintage-verifier': spelled } }],
          ['/v1/revocations', { method: 'POST', headers, body: json }],
          ['/token', { method: 'POST', body: new URLSearchParams({ [spelled]: 'x' }) }],
        ]
        for (const [path, init] of requests) {
          const response = await service.request(path, init)
          expect([response.status, await response.text()]).toEqual([400, expect.stringContaining('Treat it as leaked')])
        }
        expect(JSON.stringify(service.logged)).not.toContain(spelled)
      }
    }
  })

  test('is still accepted where credentials belong', async () => {
    const { testKey, request } = service
    const form = (members: Record<string, string>) => ({ method: 'POST', body: new URLSearchParams(members) })
    const headers = { authorization: `Bearer ${testKey}` }
    expect((await request('/token', { method: 'POST', headers })).status).toBe(200)
    expect((await request('/token', { method: 'POST', headers: { 'x-api-key': testKey } })).status).toBe(200)
    const token = planted['an access token'] ?? ''
    expect((await request('/introspect', { ...form({ token }), headers })).status).toBe(200)
    expect((await request('/revoke', { ...form({ token: generateApiKey('live') }), headers })).status).toBe(200)
  })

  test('is not suspected in text that only looks like one', async () => {
    const { secret } = await service.createKey()
    const headers = { authorization: `Bearer ${service.rootKey}`, 'content-type': 'application/json' }
    const mistyped = `${secret.slice(0, -1)}${secret.endsWith('0') ? '1' : '0'}`
    const foreign = [{ typ: 'at+jwt' }, { iss: 'https://other.example', sub: 'x'.repeat(40) }, {}].map((part) =>
      Buffer.from(JSON.stringify(part)).toString('base64url'),
    )
    for (const name of [foreign.join('.').slice(0, 100), 'runs_live_in_v1.2.3']) {
      const init = { method: 'POST', headers, body: JSON.stringify({ name }) }
      expect((await service.request('/v1/service-accounts', init)).status, name).toBe(201)
    }
    // As a name it is refused for its shape, because most of it may be right.
    const init = { method: 'POST', headers, body: JSON.stringify({ name: mistyped }) }
    const refused = await service.request('/v1/service-accounts', init)
    expect(await refused.json()).toMatchObject({ status: 400, code: 'invalid_request' })
  })
})

test('the audit trail keeps the subject of a refused operation only if it has the form of an id', async () => {
  const headers = { authorization: `Bearer ${service.rootKey}` }
  const subjectOf = async (id: string) => {
    service.clock.advance(60) // within a minute, equal refusals become one event
    expect((await service.request(`/v1/api-keys/${id}`, { headers })).status).toBe(404)
    const { items } = await (await service.request('/v1/audit-events?type=operation.refused', { headers })).json()
    return items[0].subject
  }
  const id = `key_${'0'.repeat(32)}`
  expect(await subjectOf(id)).toBe(id)
  const { secret } = await service.createKey()
  for (const text of [secret.slice(0, -1), 'hunter2', `${id}0`, id.toUpperCase()])
    expect(await subjectOf(text)).toBe(null)
})
