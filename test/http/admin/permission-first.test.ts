import { describe, expect, test } from 'vitest'
import { adminClientWith } from '../../support/admin-client.ts'
import { readApiDocument } from '../../support/api-document.ts'
import { startTestService } from '../../support/test-service.ts'

const service = await startTestService()
const { operations } = await readApiDocument(service)
const needingPermission = operations.filter(({ operationId }) => !operationId.endsWith('Caller'))
const withoutRole = await adminClientWith(service, {})
const reader = await adminClientWith(service, { roles: ['read_only'] })

/** Requests that no route accepts, and that tell a stranger what it would accept. */
const invalid = (path: string): readonly [path: string, body: string][] => [
  [`${path.replaceAll(/\{\w+\}/g, '1')}?limit=x&unknown=1`, '[]'],
  [`${path.replaceAll(/\{\w+\}/g, 'y'.repeat(200))}?cursor=%00`, '{"unknown":1}'],
]

describe('a caller without the permission is refused whatever else is wrong with the request', () => {
  test.each(needingPermission)('$name', async ({ method, path }) => {
    for (const [address, body] of invalid(path)) {
      const answer = await withoutRole(method, address, method === 'GET' ? undefined : body)
      expect(answer.status).toBe(403)
      expect(answer.body).toMatchObject({ code: 'permission_denied' })
      expect(answer.body).not.toHaveProperty('errors')
    }
  })

  const changing = needingPermission.filter(
    ({ method, operationId }) => method !== 'GET' && operationId !== 'findLeakedApiKey',
  )

  test.each(changing)('$name, also when it may read', async ({ method, path }) => {
    for (const [address, body] of invalid(path)) expect((await reader(method, address, body)).status).toBe(403)
  })
})

test('POST /v1/organizations checks the permission before the body', async () => {
  expect((await withoutRole('POST', '/v1/organizations', {})).status).toBe(403)
  expect((await withoutRole('POST', '/v1/organizations', { name: 'x', plan: 'unknown' })).status).toBe(403)
})
