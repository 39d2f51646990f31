import { describe, expect, test } from 'vitest'
import { adminClient } from '../support/admin-client.ts'
import { databaseKinds } from '../support/databases.ts'
import { exchange } from '../support/oauth-requests.ts'
import { startTestService } from '../support/test-service.ts'

const day = 86_400_000

describe.each(databaseKinds)('a key that may rotate keys, among them itself, on %s', async (kind) => {
  const service = await startTestService(kind)
  const { config } = service.services
  const root = adminClient(service, service.rootKey)
  const organizationId = await service.createOrganization('own')

  /** A pipeline's key: it may rotate the keys of its service account. */
  async function rotatedPipelineKey() {
    const roles = ['ci_service']
    const account = await root('POST', '/v1/service-accounts', { name: crypto.randomUUID(), roles, organizationId })
    const expiresAt = new Date(service.clock.now().getTime() + day).toISOString()
    const input = { name: 'pipeline', organizationId, serviceAccountId: account.body.id, roles, expiresAt }
    const { body } = await root('POST', '/v1/api-keys', input)
    const { id } = body.apiKey as { id: string }
    const rotated = await root('POST', `/v1/api-keys/${id}/rotate`, { overlapSeconds: 3600 })
    return { path: `/v1/api-keys/${id}`, previous: String(body.secret), newest: String(rotated.body.secret) }
  }

  test('does not prolong the life of a leaked previous secret or token, by whatever route', async () => {
    const { path, previous, newest } = await rotatedPipelineKey()
    const tokens = await Promise.all(
      [previous, newest].map((secret) => exchange(service, secret, { audience: config.issuer })),
    )
    for (const credential of [previous, ...tokens.map((token) => token.access_token)]) {
      for (const route of [`${path}/rotate`, `${path}/rotate/cancel`, '/v1/me/rotate', '/v1/me/rotate/cancel']) {
        for (const body of [{ dryRun: true }, {}]) {
          const answer = await adminClient(service, credential)('POST', route, body)
          expect([route, answer.status, answer.body.detail]).toEqual([
            route,
            403,
            expect.stringMatching(/^Only the newest secret of the key may .* Send the newest secret\.$/),
          ])
        }
      }
    }
  })

  test('takes back the rotation that it made, by its newest secret', async () => {
    const { path, newest } = await rotatedPipelineKey()
    const rotated = await adminClient(service, newest)('POST', `${path}/rotate`, { overlapSeconds: 3600 })
    const latest = adminClient(service, String(rotated.body.secret))
    expect((await latest('POST', `${path}/rotate/cancel`)).status).toBe(200)
    expect((await adminClient(service, newest)('POST', `${path}/rotate`, {})).status).toBe(200)
  })
})
