import { beforeAll, describe, expect, test } from 'vitest'
import { adminRoutes } from '../../src/http/admin/routes.ts'
import { type AdminAnswer, type AdminCall, adminClient } from '../support/admin-client.ts'
import { startTestService, type TestService } from '../support/service.ts'

const { paths = {} } = adminRoutes().getOpenAPI31Document({ openapi: '3.1.0', info: { title: 'Mintage', version: '1' } })
const routes = Object.entries(paths).flatMap(([path, item]) =>
  Object.keys(item).map((method) => ({ path, method: method === 'get' ? ('GET' as const) : ('POST' as const) })),
)
const routesWithId = routes.filter(({ path }) => path.includes('{id}'))

describe('A70: an admin of one organization, in front of the ids of another', () => {
  let service: TestService
  let admin: AdminCall
  /** Never named an id of theirs, so nothing may lead it there. */
  let observer: AdminCall
  /** Resource → an id of it that belongs to the other organization. */
  let foreign: Record<string, string>

  beforeAll(async () => {
    service = await startTestService()
    const root = adminClient(service, service.rootKey)
    const own = await service.createOrganization('own')
    const other = await service.createOrganization('other')
    const { secret } = await service.createKey({ organizationId: own, roles: ['admin'] })
    admin = adminClient(service, secret)
    const third = await service.createKey({ organizationId: await service.createOrganization('third'), roles: ['admin'] })
    observer = adminClient(service, third.secret)
    const { id: apiKeyId } = await service.createKey({ organizationId: other })
    const rule = await root('POST', '/v1/revocations', { kind: 'organization', value: other })
    foreign = { organizations: other, 'api-keys': apiKeyId, revocations: String(rule.body.id) }
  })

  test('there are routes to try', () => {
    expect(routesWithId.length).toBeGreaterThanOrEqual(4)
  })

  test.each(routesWithId)('$method $path answers as if the id were not there', async ({ method, path }) => {
    const id = foreign[path.split('/')[1] ?? '']
    expect(id, 'a new resource needs an example above').toBeDefined()
    const answers = [id, 'key_missing'].map((name) => admin(method, `/v1${path.replace('{id}', name ?? '')}`))
    const [theirs, missing] = await Promise.all(answers)
    expect([403, 404]).toContain(theirs?.status)
    expect(face(theirs)).toEqual(face(missing))
  })

  test.each(routes.filter(({ method, path }) => method === 'GET' && !path.includes('{')))(
    '$method $path shows nothing of theirs',
    async ({ path }) => {
      const answer = await observer('GET', `/v1${path}`)
      for (const id of Object.values(foreign)) expect(answer.text).not.toContain(id)
    },
  )

  test.each(['api_key', 'organization', 'subject'])(
    'a revocation rule about a foreign %s is refused as about a missing one',
    async (kind) => {
      const names: Record<string, [string | undefined, string]> = {
        api_key: [foreign['api-keys'], 'key_missing'],
        organization: [foreign.organizations, 'org_missing'],
        subject: [`${foreign.organizations} alice`, 'org_missing alice'],
      }
      const answers = (names[kind] ?? []).map((value) => admin('POST', '/v1/revocations', { kind, value }))
      const [theirs, missing] = await Promise.all(answers)
      expect(theirs?.status).toBe(404)
      expect(face(theirs)).toEqual(face(missing))
    },
  )

  test('a token of theirs cannot be named, not even by its jti', async () => {
    const { status } = await admin('POST', '/v1/revocations', { kind: 'token', value: 'some-jti' })
    expect(status).toBe(403)
  })
})

test('no route answers anybody without a credential', async () => {
  const service = await startTestService()
  for (const { method, path } of routes) {
    const response = await service.request(`/v1${path.replace('{id}', 'key_1')}`, { method })
    expect(response.status, `${method} ${path}`).toBe(401)
  }
})

/** What a caller can tell answers apart by. */
function face(answer: AdminAnswer | undefined) {
  const { instance: _, ...body } = answer?.body ?? {}
  return { status: answer?.status, body, length: answer?.text.length, challenge: answer?.headers.get('www-authenticate') }
}
