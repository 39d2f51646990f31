import { count } from 'drizzle-orm'
import { describe, expect, test } from 'vitest'
import { auditEvents } from '../../../src/db/schema.ts'
import { adminClient } from '../../support/admin-client.ts'
import { type AdminRequest, adminRequests, pathOf } from '../../support/admin-requests.ts'
import { type ApiOperation, readApiDocument } from '../../support/api-document.ts'
import { databaseKinds } from '../../support/databases.ts'
import { createTenant } from '../../support/tenant.ts'
import { startTestService } from '../../support/test-service.ts'

const { operations } = await readApiDocument(await startTestService())
/** It changes nothing, although it is a POST. */
const reads = ['findLeakedApiKey']
const changes = operations.filter(({ method, operationId }) => method !== 'GET' && !reads.includes(operationId))
const shown = new Set(operations.filter(({ method }) => method === 'GET').map(({ path }) => path))

/** Where the tag of what the operation changes is shown; undefined = nothing of it has a tag. */
function taggedPath({ path }: ApiOperation): string | undefined {
  if (path.startsWith('/v1/me/')) return '/v1/me'
  const thing = /^\/v1\/[a-z-]+\/\{\w+\}/.exec(path)?.[0]
  return thing !== undefined && shown.has(thing) && !thing.startsWith('/v1/signing-keys') ? thing : undefined
}
const tagged = changes.filter((operation) => taggedPath(operation) !== undefined)

test('the API document offers If-Match for every change of something that has a tag', () => {
  const offers = changes.filter(({ parameters }) => parameters.some(({ name }) => name === 'if-match'))
  expect(offers.map(({ name }) => name)).toEqual(tagged.map(({ name }) => name))
  expect(tagged.length).toBeGreaterThan(20)
})

describe.each(databaseKinds)('If-Match, on %s', async (kind) => {
  const service = await startTestService(kind)
  const call = adminClient(service, service.rootKey)
  const events = async () => (await service.services.db.select({ found: count() }).from(auditEvents))[0]?.found

  /** For an operation on the caller, another caller that may be lost. */
  async function prepare({ operationId, path }: ApiOperation) {
    const tenant = await createTenant(service, await service.createOrganization())
    const example = adminRequests[operationId]
    if (!example) throw new Error(`${operationId} needs an example in support/admin-requests.ts`)
    const own = path.startsWith('/v1/me/')
    const rotated = operationId === 'cancelRotationOfCaller'
    const caller = own ? adminClient(service, (await service.createKey({ rotated })).secret) : call
    return { request: await example(tenant), caller }
  }
  const bodiesOf = ({ body }: AdminRequest) => (body && 'dryRun' in body ? [body, { ...body, dryRun: false }] : [body])

  test.each(changes)('$name with an outdated tag is refused, and changes nothing', async (operation) => {
    const { request, caller } = await prepare(operation)
    const before = await events()
    for (const body of bodiesOf(request)) {
      const answer = await caller(operation.method, pathOf(operation.path, request), body, { 'If-Match': '"77"' })
      expect([answer.status, answer.body.code], answer.text).toEqual([412, 'precondition_failed'])
    }
    expect(await events()).toBe(before)
  })

  test.each(tagged)('$name with the current tag is done', async (operation) => {
    const { request, caller } = await prepare(operation)
    const thing = await caller('GET', pathOf(taggedPath(operation) ?? '', request))
    const etag = thing.headers.get('etag') ?? ''
    expect(etag).toMatch(/^"\d+"$/)
    for (const body of bodiesOf(request)) {
      const answer = await caller(operation.method, pathOf(operation.path, request), body, { 'If-Match': etag })
      expect(answer.status, answer.text).toBeLessThan(300)
    }
  })

  test('of a weak tag says that it is weak and what to switch off', async () => {
    const { request } = await prepare({ operationId: 'disableApiKey', path: '/' } as ApiOperation)
    const path = pathOf('/v1/api-keys/{id}', request)
    const refused = await call('POST', `${path}/disable`, {}, { 'If-Match': 'W/"1"' })
    expect([refused.status, refused.body.code]).toEqual([412, 'precondition_failed'])
    expect(refused.body.detail).toMatch(/is weak .* switch off its compression/)
    const suffixed = await call('POST', `${path}/disable`, {}, { 'If-Match': '"1-gzip"' })
    expect([suffixed.status, suffixed.body.detail]).toEqual([412, expect.stringMatching(/^The tag .* not one that/)])
    const outdated = await call('POST', `${path}/disable`, {}, { 'If-Match': '"2"' })
    expect([outdated.status, outdated.body.detail]).toEqual([412, expect.stringMatching(/^The resource changed/)])
    expect((await call('POST', `${path}/disable`, {}, { 'If-Match': '"1"' })).status).toBe(204)
  })

  test('does not tell a caller without permission whether its tag is current', async () => {
    const { request } = await prepare({ operationId: 'disableApiKey', path: '/' } as ApiOperation)
    const stranger = adminClient(service, (await service.createKey({ roles: ['developer'] })).secret)
    for (const tag of ['"1"', '"2"', 'W/"1"', '"1", "2"', 'x']) {
      const answer = await stranger('POST', pathOf('/v1/api-keys/{id}/disable', request), {}, { 'If-Match': tag })
      expect(answer.status, tag).toBe(404)
    }
  })
})
