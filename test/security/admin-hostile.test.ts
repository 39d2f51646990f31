import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type AdminAnswer, type AdminCall, adminClient } from '../support/admin-client.ts'
import { adminRequests, intrudingMembers, pathOf } from '../support/admin-requests.ts'
import { type ApiOperation, readApiDocument } from '../support/api-document.ts'
import { databaseKinds } from '../support/databases.ts'
import { hostileTo, hostileValues, marker, valuesOf } from '../support/schema-values.ts'
import { createTenant } from '../support/tenant.ts'
import { startTestService } from '../support/test-service.ts'

// Thousands of requests: if PostgreSQL is installed, a request costs half as much there.
const service = await startTestService(databaseKinds.at(-1))
const { operations, resolve } = await readApiDocument(service)
const withBody = operations.filter(({ body }) => body !== undefined)
const withQuery = operations.filter(
  ({ method, parameters }) => method === 'GET' && parameters.some((parameter) => parameter.in === 'query'),
)
const withPath = operations.filter(({ path }) => path.includes('{'))

/** A root key of its own organization: what it does to itself does not affect other tests. */
async function newRoot(): Promise<{ organizationId: string; call: AdminCall }> {
  const organizationId = await service.createOrganization()
  const { secret } = await service.createKey({ organizationId, roles: ['root'] })
  return { organizationId, call: adminClient(service, secret) }
}

async function exampleOf({ operationId }: ApiOperation, organizationId: string) {
  const example = await adminRequests[operationId]?.(await createTenant(service, organizationId))
  if (!example) throw new Error(`${operationId} needs an example in support/admin-requests.ts`)
  return example
}

/** Either refused with an error of the service, or executed. Never a failure, and never an echo. */
function expectComposure({ status, text, headers, body }: AdminAnswer, what: string) {
  expect(status, `${what}: ${text}`).toBeLessThan(500)
  if (status < 400) return
  expect(headers.get('content-type'), what).toBe('application/problem+json')
  expect(body.code, what).toBeTypeOf('string')
  expect(text, what).not.toContain(marker)
  const words = [body.detail, ...faultsIn(body).map(({ message }) => message)]
  expect(
    words.filter((said) => validatorsWords.test(String(said))),
    what,
  ).toEqual([])
}

/** How zod begins and ends its messages. They must never reach a person. */
const validatorsWords =
  /\b(Invalid (input|option|string|number|key|value|ISO|email|URL)|Too (big|small)|Unrecognized key|expected|received)\b/

function faultsIn({ errors }: Record<string, unknown>): { path: string; message: string }[] {
  return Array.isArray(errors) ? errors : []
}

test('there are routes to test', () => {
  for (const some of [withBody, withQuery, withPath]) expect(some.length).toBeGreaterThan(5)
})

// Runs first, before a plan or a role with such a name exists.
test.each(withPath)('A33, A45: $name finds nothing under an id that does not exist', async (operation) => {
  const { organizationId, call } = await newRoot()
  const example = await exampleOf(operation, organizationId)
  const findsNothing = async (path: string, what: string) => {
    const answer = await call(operation.method, path, example.body)
    expectComposure(answer, what)
    expect([400, 404, 405], `${what}: ${answer.text}`).toContain(answer.status)
  }
  const ids = [...hostileValues, marker.repeat(150_000), '%', '.', ' ', 'key_1;admin=1', '１'].filter(
    (id): id is string => typeof id === 'string' && id !== '',
  )
  for (const { name } of operation.parameters.filter((parameter) => parameter.in === 'path')) {
    const pathTo = (id: string) => pathOf(operation.path, { ...example, params: { ...example.params, [name]: id } })
    await Promise.all(ids.map((id) => findsNothing(pathTo(id), `${name} = ${JSON.stringify(id).slice(0, 60)}`)))
  }
  const raws = ['%00', '%ff', '%c0%ae', '%2e%2e%2f', '%zz', '%']
  await Promise.all(raws.map((raw) => findsNothing(operation.path.replaceAll(/\{\w+\}/g, raw), raw)))
})

test.each(withBody)('A72, A73: $name refuses an unknown member, and does nothing', async (operation) => {
  const { organizationId, call } = await newRoot()
  const example = await exampleOf(operation, organizationId)
  const path = pathOf(operation.path, example)
  const intruders = [...intrudingMembers, ...['revision', '__proto__', 'prototype', 'toString', '']]
  const refuses = async (intruder: string) => {
    const text = `${JSON.stringify(example.body ?? {}).slice(0, -1)}${example.body ? ',' : ''}${JSON.stringify(intruder)}:"${marker}"}`
    const answer = await call(operation.method, path, text)
    expect({ intruder, status: answer.status, code: answer.body.code }, answer.text).toEqual({
      intruder,
      status: 400,
      code: 'invalid_request',
    })
    expect(answer.text).not.toContain(marker)
  }
  await Promise.all(intruders.map(refuses))
})

test.each(withBody)('A46, A47: $name survives hostile values in each of its members', async (operation) => {
  const { organizationId, ...root } = await newRoot()
  const example = await exampleOf(operation, organizationId)
  const path = pathOf(operation.path, example)
  // A value that is allowed ends the calling key.
  const endsCaller = operation.path.startsWith('/v1/me/')
  for (const [member, schema] of Object.entries(operation.body?.properties ?? {})) {
    for (const value of hostileTo(resolve(schema) ?? {})) {
      const { call } = endsCaller ? await newRoot() : root
      const answer = await call(operation.method, path, { ...example.body, [member]: value })
      expectComposure(answer, `${member} = ${JSON.stringify(value).slice(0, 60)}`)
      if (typeof value === 'string' && value.includes('\u0000')) expect(answer.status, `${member} with NUL`).toBe(400)
    }
  }
})

test.each(withBody)('A36, A45: $name refuses what is too large, too deep, or not a JSON object', async (operation) => {
  const { organizationId, call } = await newRoot()
  const path = pathOf(operation.path, await exampleOf(operation, organizationId))
  const nested = '['.repeat(7000) + ']'.repeat(7000)
  const bodies = [
    ['1 MB of a name', { name: marker.repeat(150_000) }, 413],
    ['7,000 levels', nested, 400],
    ['7,000 levels in a member', `{"name":${nested}}`, 400],
    ['no JSON', `{"name":"${marker}"`, 400],
    ['an invalid number', '{"name":1e400}', 400],
    ...['[]', '"x"', '1', 'true', 'null', '{"name":NaN}', '\u0000', '{}{}'].map((text) => [text, text, 400] as const),
  ] as const
  const refuses = async ([what, body, status]: (typeof bodies)[number]) => {
    const answer = await call(operation.method, path, body)
    expectComposure(answer, what)
    expect(answer.status, `${what}: ${answer.text}`).toBe(status)
  }
  await Promise.all(bodies.map(refuses))
})

test.each(withQuery)(
  'A46, A47: $name refuses an unknown parameter, and survives hostile values in the others',
  async (operation) => {
    const { organizationId, call } = await newRoot()
    const example = await exampleOf(operation, organizationId)
    const refuses = async (intruder: string) => {
      const answer = await call(
        'GET',
        pathOf(operation.path, { ...example, query: { ...example.query, [intruder]: marker } }),
      )
      expect({ intruder, status: answer.status }, answer.text).toEqual({ intruder, status: 400 })
    }
    await Promise.all(['unknown', 'sort', 'order', 'fields', 'offset', '__proto__', 'limit[]', 'where'].map(refuses))
    for (const { name } of operation.parameters.filter((parameter) => parameter.in === 'query')) {
      for (const value of hostileValues.filter((hostile) => typeof hostile === 'string')) {
        const answer = await call(
          'GET',
          pathOf(operation.path, { ...example, query: { ...example.query, [name]: value } }),
        )
        expectComposure(answer, `${name}=${JSON.stringify(value).slice(0, 60)}`)
        if (value.includes('\u0000')) expect(answer.status, `${name} with NUL`).toBe(400)
      }
    }
  },
)

test.each(operations)(
  '$name answers bodies that its schema allows, and near misses, without failing',
  async (operation) => {
    let { organizationId, call } = await newRoot()
    const tenant = await createTenant(service, organizationId)
    const ids = [
      organizationId,
      (await tenant.apiKey()).id,
      await tenant.serviceAccount(),
      await tenant.role(),
      await tenant.rule(),
      'admin',
      'live',
    ]
    const parts = (of: 'path' | 'query') =>
      fc.record(
        Object.fromEntries(
          operation.parameters
            .filter((parameter) => parameter.in === of)
            .map(({ name, schema = {} }) => [name, valuesOf(schema, resolve, ids)]),
        ),
        of === 'query' ? { requiredKeys: [] } : {},
      )
    const body = operation.body ? valuesOf(operation.body, resolve, ids) : fc.constant(undefined)
    const texts = (record: object) =>
      Object.fromEntries(Object.entries(record).map(([name, value]) => [name, textOf(value)]))
    await fc.assert(
      fc.asyncProperty(parts('path'), parts('query'), body, async (params, query, said) => {
        const path = pathOf(operation.path, { params: texts(params), query: texts(query) })
        const answer = await call(operation.method, path, said)
        expectComposure({ ...answer, text: answer.text.replaceAll(marker, '') }, path)
        service.clock.advance(1) // a key that just became active signs from the next millisecond on
        if (answer.status === 401) ({ organizationId, call } = await newRoot()) // it did that to itself
      }),
      { numRuns: 8, seed: 20_261_102 },
    )
  },
)

/** In the form that a URL can carry. */
function textOf(value: unknown): string {
  return String(typeof value === 'object' ? JSON.stringify(value) : value).toWellFormed()
}
