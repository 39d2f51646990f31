import { expect, test } from 'vitest'
import { adminClient } from '../../support/admin-client.ts'
import { adminRequests, pathOf } from '../../support/admin-requests.ts'
import { type ApiOperation, readApiDocument } from '../../support/api-document.ts'
import { createTenant } from '../../support/tenant.ts'
import { startTestService } from '../../support/test-service.ts'

// What a route does not read, it refuses. Otherwise a caller believes that it counts: `?dryRun=true` would be ignored,
// and the key revoked.

const service = await startTestService()
const { operations } = await readApiDocument(service)

async function prepare({ operationId, path }: ApiOperation) {
  const tenant = await createTenant(service, await service.createOrganization())
  const example = adminRequests[operationId]
  if (!example) throw new Error(`${operationId} needs an example in support/admin-requests.ts`)
  const own = /^\/v1\/me(?:\/|$)/.test(path)
  const call = adminClient(service, own ? (await service.createKey()).secret : service.rootKey)
  return { request: await example(tenant), call }
}

test.each(operations)('$name refuses a parameter that it does not have', async (operation) => {
  const { request, call } = await prepare(operation)
  const known = operation.parameters.map(({ name }) => name)
  for (const name of ['dryRun', 'dry_run', 'cursor2', 'force'].filter((asked) => !known.includes(asked))) {
    const path = pathOf(operation.path, { ...request, query: { ...request.query, [name]: 'true' } })
    const answer = await call(operation.method, path, request.body)
    expect([answer.status, answer.body.code], `${name}: ${answer.text}`).toEqual([400, 'invalid_request'])
  }
})

const withoutCursor = operations.filter(({ method, parameters, path }) => {
  return method === 'GET' && !path.endsWith('}') && !parameters.some(({ name }) => name === 'cursor')
})

test.each(withoutCursor)('$name has one page, and refuses a cursor', async (operation) => {
  const { request, call } = await prepare(operation)
  const answer = await call('GET', pathOf(operation.path, { ...request, query: { ...request.query, cursor: 'zzz' } }))
  expect(answer.status, answer.text).toBe(400)
})

const withoutBody = operations.filter(({ method, body }) => method !== 'GET' && body === undefined)

test.each(withoutBody)('$name refuses a body, because it takes none', async (operation) => {
  const { request, call } = await prepare(operation)
  const path = pathOf(operation.path, request)
  const answer = await call(operation.method, path, { dryRun: true })
  expect([answer.status, answer.body.code], answer.text).toEqual([400, 'invalid_request'])
  const empty = await call(operation.method, path, {})
  expect(empty.status, empty.text).toBeLessThan(300)
})

const withBody = operations.filter(({ body }) => body !== undefined)

test.each(withBody)('$name says of a content type that it cannot read that it cannot', async (operation) => {
  const { request, call } = await prepare(operation)
  const path = pathOf(operation.path, request)
  const types = ['application/json;', 'application/json; charset=', 'application/json;charset', 'text/plain']
  for (const type of types) {
    const answer = await call(operation.method, path, request.body ?? {}, { 'Content-Type': type })
    expect([answer.status, answer.body.code], `${type}: ${answer.text}`).toEqual([415, 'unsupported_media_type'])
  }
  const form = await call(operation.method, path, '', { 'Content-Type': 'application/x-www-form-urlencoded' })
  expect([400, 415], form.text).toContain(form.status)
})

test.each(withBody)('$name says that the body is empty, if its content type says JSON', async (operation) => {
  const { request } = await prepare(operation)
  const headers = { authorization: `Bearer ${service.rootKey}`, 'content-type': 'application/json' }
  const answer = await service.request(pathOf(operation.path, request), { method: operation.method, headers })
  expect(await answer.json()).toMatchObject({ status: 400, detail: expect.stringContaining('The body is empty, but') })
})
