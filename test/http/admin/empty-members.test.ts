import { expect, test } from 'vitest'
import { adminClient } from '../../support/admin-client.ts'
import { type ApiOperation, readApiDocument, type Schema } from '../../support/api-document.ts'
import { startTestService } from '../../support/test-service.ts'

const service = await startTestService()
const { operations, resolve } = await readApiDocument(service)
const root = adminClient(service, service.rootKey)

type Member = { at: string; schema: Schema; put: (value: unknown) => object }
type Case = { name: string; operation: ApiOperation; member: Member; inQuery: boolean }

const cases = operations.flatMap((operation): Case[] => {
  const query = operation.parameters
    .filter((parameter) => parameter.in === 'query')
    .flatMap(({ name, schema }) => membersOf(name, schema, (value) => ({ [name]: value })))
    .map((member) => ({ name: `${operation.name}?${member.at}`, operation, member, inQuery: true }))
  const body = membersOf('', operation.body, (value) => Object(value))
  return [
    ...query,
    ...body.map((member) => ({ name: `${member.at} of ${operation.name}`, operation, member, inQuery: false })),
  ]
})

/** Every text in the schema. `put` wraps a value for its place. */
function membersOf(at: string, given: Schema | undefined, put: Member['put']): Member[] {
  const schema = resolve(given) ?? {}
  const path = (name: string) => (at === '' ? name : `${at}.${name}`)
  if (schema.properties)
    return Object.entries(schema.properties).flatMap(([name, inner]) =>
      membersOf(path(name), inner, (value) => put({ [name]: value })),
    )
  if (at === 'rows') return [] // an import reports faults of its rows in its answer
  if (schema.items) return membersOf(path('0'), schema.items, (value) => put([value]))
  return [schema.type].flat().includes('string') ? [{ at, schema, put }] : []
}

/** What an empty text answers where the value has a form of its own. */
const forms = /^must be (an email address|a date and time|a whole number|one of |[\w-]+ or |32 bytes as base64url)/

test('the API document has texts in bodies and in queries', () => {
  expect(cases.filter(({ inQuery }) => inQuery).length).toBeGreaterThan(20)
  expect(cases.filter(({ inQuery }) => !inQuery).length).toBeGreaterThan(40)
})

test.each(cases)('an empty $name has at most one fault: that it is empty, or its form', async (given) => {
  const { operation, member, inQuery } = given
  const path = operation.path.replaceAll(/\{\w+\}/g, '1')
  const sent = member.put('')
  const answer = inQuery
    ? await root(operation.method, `${path}?${new URLSearchParams(Object.entries(sent))}`)
    : await root(operation.method, path, sent)
  const errors: unknown[] = [answer.body.errors ?? []].flat()
  const faults = errors.map((error) => Object(error)).filter((error) => error.path === member.at)
  expect(faults.length).toBeLessThanOrEqual(1)
  for (const { message } of faults) if (!forms.test(message)) expect(message).toBe('must not be empty')
  if (member.schema.minLength === 1) expect(faults).toHaveLength(1)
})

const row = { name: 'imported', hash: '0'.repeat(64) }
const { properties = {} } = resolve(operations.find(({ operationId }) => operationId === 'importApiKeys')?.body) ?? {}
const inRows = membersOf('', properties.rows?.items, (value) => Object(value))

test.each(inRows)('an empty $at in a row of an import has at most one fault', async ({ at, put, schema }) => {
  const answer = await root('POST', '/v1/api-keys/import', { rows: [{ ...row, ...put('') }] })
  const [report] = Object(answer.body.rows)
  expect(report).toMatchObject(schema.minLength === 1 ? { why: `${at} must not be empty.` } : { index: 0 })
  if (report.why && !forms.test(report.why.replace(`${at} `, ''))) expect(report.why).toBe(`${at} must not be empty.`)
})
