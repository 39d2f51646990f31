import { eq } from 'drizzle-orm'
import { expect, test } from 'vitest'
import { generateApiKey } from '../../src/api-keys/format.ts'
import { apiKeyVersions } from '../../src/db/schema.ts'
import { adminClient } from '../support/admin-client.ts'
import { tryExchange } from '../support/oauth-requests.ts'
import { startTestService } from '../support/test-service.ts'

test('new keys use the configured prefix, keys with a previous prefix keep working, and other prefixes are refused', async () => {
  const service = await startTestService('embedded', {
    env: { MINTAGE_API_KEY_PREFIX: 'acme', MINTAGE_API_KEY_PREFIX_PREVIOUS: 'mk' },
  })
  const { db, platform } = service.services
  expect(service.rootKey).toMatch(/^acme_live_/)
  const { body } = await adminClient(service, service.rootKey)('POST', '/v1/api-keys', {
    name: 'new',
    environment: 'test',
  })
  expect(body).toMatchObject({ secret: expect.stringMatching(/^acme_test_[0-9A-Za-z]{49}$/) })
  expect((await tryExchange(service, String(body.secret))).status).toBe(200)

  for (const [prefix, status] of [
    ['mk', 200],
    ['other', 401],
  ] as const) {
    const { id } = await service.createKey()
    const [version] = await db.select().from(apiKeyVersions).where(eq(apiKeyVersions.apiKeyId, id))
    expect(version?.prefix).toBe('acme')
    const secret = generateApiKey('live', prefix)
    await db
      .update(apiKeyVersions)
      .set({ hash: await platform.sha256(secret) })
      .where(eq(apiKeyVersions.apiKeyId, id))
    expect((await tryExchange(service, secret)).status, prefix).toBe(status)
  }
})

test('no subject may start like a secret, whatever the prefix', async () => {
  const service = await startTestService('embedded', { env: { MINTAGE_API_KEY_PREFIX: 'acme' } })
  const root = adminClient(service, service.rootKey)
  expect((await root('POST', '/v1/api-keys', { name: 'x', subject: 'acme_live_1' })).status).toBe(400)
  expect((await root('POST', '/v1/api-keys', { name: 'x', subject: 'mk_live_1' })).status).toBe(201)
})
