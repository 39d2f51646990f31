import { beforeAll, describe, expect, test } from 'vitest'
import { type AdminAnswer, type AdminCall, adminClient } from '../support/admin-client.ts'
import { type AdminRequest, adminRequests, pathOf } from '../support/admin-requests.ts'
import { type ApiOperation, readApiDocument, type Schema } from '../support/api-document.ts'
import { createTenant, type Tenant } from '../support/tenant.ts'
import { startTestService } from '../support/test-service.ts'

const service = await startTestService()
const { operations, resolve } = await readApiDocument(service)

/** Where a request can contain an id: in the path, in the query, or in the body, with the path to the member. */
type Spot = { in: 'path' | 'query' | 'body'; way: readonly string[] }

const spots = operations.flatMap((operation) =>
  spotsOf(operation).map((spot) => ({
    name: `${operation.name}, ${spot.way.join('.')} in the ${spot.in}`,
    operation,
    spot,
  })),
)

describe('A70: an admin of one organization, with ids of another', () => {
  let own: string
  let id: string
  let admin: AdminCall
  let theirs: Tenant

  beforeAll(async () => {
    own = await service.createOrganization('own')
    const { id: adminId, secret } = await service.createKey({ organizationId: own, roles: ['admin'] })
    id = adminId
    admin = adminClient(service, secret)
    theirs = await createTenant(service, await service.createOrganization('other'))
  })

  test('there are ids to replace in every part of a request', () => {
    for (const part of ['path', 'query', 'body'])
      expect(spots.filter(({ spot }) => spot.in === part).length, part).toBeGreaterThan(5)
  })

  test.each(spots)('$name: a foreign id gets the same answer as an unknown one', async ({ operation, spot }) => {
    for (const { foreign, missing } of await swapsAt(operation, spot, theirs)) {
      const request = await ownRequest(operation)
      const answers = [foreign, missing].map((value) => send(operation, exchanged(request, spot, value)))
      const [ofTheirs, ofNothing] = await Promise.all(answers)
      expect(face(ofTheirs)).toEqual(face(ofNothing))
      expect(answersOf(operation, spot), ofTheirs?.text).toContain(ofTheirs?.status)
    }
  })

  test('the requests changed nothing in the other organization', async () => {
    const root = adminClient(service, service.rootKey)
    const { items } = (await root('GET', `/v1/audit-events?organizationId=${theirs.organizationId}&actor=${id}`))
      .body as {
      items: object[]
    }
    expect(items.filter((event) => 'result' in event && event.result === 'success')).toEqual([])
  })

  test.each(operations.filter(({ method, path }) => method === 'GET' && !path.includes('{')))(
    '$name shows nothing of the other organization',
    async ({ path }) => {
      // Uses an organization that never sent one of their ids, so nothing may lead there.
      const { secret } = await service.createKey({
        organizationId: await service.createOrganization(),
        roles: ['admin'],
      })
      const ids = await Promise.all([
        theirs.apiKey().then((key) => key.id),
        theirs.serviceAccount(),
        theirs.role(),
        theirs.rule(),
      ])
      const answer = await adminClient(service, secret)('GET', path)
      for (const name of [...ids, theirs.organizationId, theirs.event]) expect(answer.text).not.toContain(name)
    },
  )

  test.each(['organization', 'subject'])(
    'a revocation rule on a foreign %s is refused like one on an unknown id',
    async (kind) => {
      const value = (organizationId: string) => (kind === 'subject' ? `${organizationId} alice` : organizationId)
      const answers = [theirs.organizationId, 'org_missing'].map((name) =>
        admin('POST', '/v1/revocations', { kind, value: value(name) }),
      )
      const [ofTheirs, ofNothing] = await Promise.all(answers)
      expect(ofTheirs?.status).toBe(404)
      expect(face(ofTheirs)).toEqual(face(ofNothing))
    },
  )

  test('a foreign token cannot be revoked, not even by its jti', async () => {
    const { status } = await admin('POST', '/v1/revocations', { kind: 'token', value: 'some-jti' })
    expect(status).toBe(403)
  })

  async function ownRequest({ operationId }: ApiOperation): Promise<AdminRequest> {
    const example = adminRequests[operationId]
    if (!example) throw new Error(`${operationId} needs an example in support/admin-requests.ts`)
    return await example(await createTenant(service, own, id))
  }

  async function send({ method, path }: ApiOperation, request: AdminRequest): Promise<AdminAnswer> {
    return await admin(method, pathOf(path, request), request.body)
  }
})

test('no route accepts a request without a credential', async () => {
  for (const { method, path } of operations) {
    const response = await service.request(path.replaceAll(/\{\w+\}/g, '1'), { method })
    expect(response.status, `${method} ${path}`).toBe(401)
  }
})

/** The name of a reference ends in `Id`, or is one of the others listed here. */
function isNameOfAThing(member: string): boolean {
  return /^(?:id|kid|name|value|sha256|roles|actor|subject|prefix|hint)$|Id$/.test(member)
}

function spotsOf({ parameters, body }: ApiOperation): Spot[] {
  const inPath = parameters.filter((parameter) => parameter.in === 'path' && parameter.name !== 'version')
  const inQuery = parameters.filter(
    (parameter) => parameter.in === 'query' && /Id$|^(?:actor|subject)$/.test(parameter.name),
  )
  // A display name or a claim of a token does not refer to another object.
  const own = new Set(['name', 'subject'])
  return [
    ...inPath.map(({ name }): Spot => ({ in: 'path', way: [name] })),
    ...inQuery.map(({ name }): Spot => ({ in: 'query', way: [name] })),
    ...waysToNames(body)
      .filter((way) => !own.has(way.at(-1) ?? ''))
      .map((way): Spot => ({ in: 'body', way })),
  ]
}

function waysToNames(schema: Schema | undefined): string[][] {
  return Object.entries(resolve(schema)?.properties ?? {}).flatMap(([member, inner]) => {
    const further = waysToNames(inner).map((way) => [member, ...way])
    return isNameOfAThing(member) ? [[member], ...further] : further
  })
}

/** A reference to an object of theirs, and the same for an object that does not exist. */
async function swapsAt(
  { path, operationId }: ApiOperation,
  spot: Spot,
  theirs: Tenant,
): Promise<{ foreign: unknown; missing: unknown }[]> {
  const missing = 'missing_0192f0c4a1b27c3d8e4f5a6b7c8d9e0f'
  const apiKey = async () => (await theirs.apiKey()).id
  const byMember: Record<string, () => Promise<{ foreign: unknown; missing: unknown }[]>> = {
    organizationId: async () => [{ foreign: theirs.organizationId, missing }],
    serviceAccountId: async () => [{ foreign: await theirs.serviceAccount(), missing }],
    roles: async () => [{ foreign: [await theirs.role()], missing: [missing] }],
    actor: async () => [{ foreign: 'key_elsewhere', missing }],
    subject: async () => [{ foreign: theirs.event, missing: 'key_nobody' }], // the other one was requested above, and refused

    kid: async () => [{ foreign: await theirs.signingKey('active'), missing }],
    value: async () => [{ foreign: await apiKey(), missing }],
    sha256: async () => [{ foreign: (await theirs.apiKey()).hash, missing: 'x'.repeat(43) }],
    hint: async () => [{ foreign: (await theirs.apiKey()).hint, missing: '____' }],
    prefix: async () => [{ foreign: 'mk', missing: 'mk' }],
  }
  const byPath: Record<string, () => Promise<{ foreign: unknown; missing: unknown }[]>> = {
    organizations: async () => [{ foreign: theirs.organizationId, missing }],
    'api-keys': async () => [{ foreign: await apiKey(), missing }],
    'service-accounts': async () => [{ foreign: await theirs.serviceAccount(), missing }],
    members: async () => [
      { foreign: await apiKey(), missing },
      { foreign: await theirs.serviceAccount(), missing },
    ],
    roles: async () => [{ foreign: await theirs.role(), missing }],
    plans: async () => [{ foreign: await theirs.plan(), missing }],
    revocations: async () => [{ foreign: await theirs.rule(), missing }],
    'signing-keys': async () => [{ foreign: await theirs.signingKey('pending'), missing }],
  }
  const swaps = spot.in === 'path' ? byPath[path.split('/')[2] ?? ''] : byMember[spot.way.at(-1) ?? '']
  if (!swaps) throw new Error(`${operationId} names something by ${spot.way.join('.')} that needs an example here`)
  return await swaps()
}

function exchanged({ params, query, body }: AdminRequest, { in: part, way }: Spot, value: unknown): AdminRequest {
  const [name = ''] = way
  return {
    params: { ...params, ...(part === 'path' ? { [name]: String(value) } : {}) },
    query: { ...query, ...(part === 'query' ? { [name]: String(value) } : {}) },
    ...(part === 'body' ? { body: withMember(body, way, value) } : body && { body }),
  }
}

function withMember(body: unknown, [member = '', ...rest]: readonly string[], value: unknown): Record<string, unknown> {
  const members: Record<string, unknown> = typeof body === 'object' && body !== null ? { ...body } : {}
  return { ...members, [member]: rest.length === 0 ? value : withMember(members[member], rest, value) }
}

/**
 * A filter without matches is not refused: it gives an empty page. Roles are names, and an undefined one is invalid.
 */
function answersOf({ method }: ApiOperation, { in: part, way }: Spot): number[] {
  if ((part === 'query' && method === 'GET') || way[0] === 'filter') return [200, 403, 404]
  return way.at(-1) === 'roles' ? [400] : [403, 404]
}

/** Everything by which a caller can tell answers apart. */
function face(answer: AdminAnswer | undefined) {
  const { instance: _, ...body } = answer?.body ?? {}
  return {
    status: answer?.status,
    body,
    length: answer?.text.length,
    challenge: answer?.headers.get('www-authenticate'),
  }
}
