import { eq } from 'drizzle-orm'
import { describe, expect, test } from 'vitest'
import { systemPrincipal } from '../../src/access/principal.ts'
import { showCaller } from '../../src/api-keys/caller.ts'
import { createApiKey } from '../../src/api-keys/create.ts'
import { listApiKeys, showApiKey } from '../../src/api-keys/read.ts'
import { apiKeyVersions } from '../../src/db/schema.ts'
import { insertActiveKey } from '../support/active-signing-key.ts'
import { defaultSettings } from '../support/api-key-defaults.ts'
import { eventsOf } from '../support/audit-trail.ts'
import { databaseKinds } from '../support/databases.ts'
import { tryExchange } from '../support/oauth-requests.ts'
import { principal } from '../support/principal.ts'
import { startTestService } from '../support/test-service.ts'

describe.each(databaseKinds)('API keys on %s', async (kind) => {
  const service = await startTestService(kind)
  const { services, clock } = service
  const own = await service.createOrganization('own')
  const other = await service.createOrganization('other')
  const admin = principal(own, ['admin'], { scopes: ['orders:read'] })

  const eventsAbout = (subject: string) => eventsOf(services, { subject })

  describe('a new key', () => {
    test('can be exchanged at once, and its secret is not stored', async () => {
      const { apiKey, secret } = await createApiKey(services, admin, {
        name: 'orders',
        environment: 'live',
        scopes: ['orders:read'],
      })
      expect(apiKey).toMatchObject({
        name: 'orders',
        organizationId: own,
        status: 'usable',
        scopes: ['orders:read'],
        version: 1,
      })
      const response = await tryExchange(service, secret)
      expect(response.status).toBe(200)
      const [version] = await services.db.select().from(apiKeyVersions).where(eq(apiKeyVersions.apiKeyId, apiKey.id))
      expect(version).toMatchObject({ hash: await services.platform.sha256(secret), hint: apiKey.hint })
      expect(JSON.stringify([version, await eventsAbout(apiKey.id), service.logged])).not.toContain(secret.slice(8, 30))
    })

    test('is recorded in the audit trail: who created what, and from where', async () => {
      const { apiKey } = await createApiKey(services, admin, { name: 'audited', environment: 'test', subject: 'robot' })
      expect(await eventsAbout(apiKey.id)).toEqual([
        expect.objectContaining({
          type: 'api_key.created',
          result: 'success',
          actor: admin.clientId,
          organizationId: own,
          address: '192.0.2.7',
          agent: 'test',
          requestId: 'req_1',
          occurredAt: clock.now(),
          context: { ...defaultSettings, name: 'audited', environment: 'test', subject: 'robot' },
        }),
      ])
    })

    test('may choose only an algorithm that an active signing key has', async () => {
      const input = { name: 'rsa', environment: 'live', tokenAlgorithm: 'RS256' } as const
      await expect(createApiKey(services, admin, input)).rejects.toMatchObject({
        code: 'conflict',
        detail: 'No signing key of this tokenAlgorithm is active. Choose one of: ES256.',
      })
      await insertActiveKey(services, 'RS256')
      const { apiKey } = await createApiKey(services, admin, input)
      expect(apiKey.tokenAlgorithm).toBe('RS256')
      expect(await showApiKey(services, admin, apiKey.id)).toMatchObject({ tokenAlgorithm: 'RS256' })
      await expect(createApiKey(services, admin, { ...input, tokenAlgorithm: 'none' })).rejects.toMatchObject({
        code: 'conflict',
      })
    })

    test('is not created when its audit event cannot be written', async () => {
      const mute = { ...admin, clientId: 'key_mute', origin: { ...admin.origin, requestId: '\0' } }
      await expect(createApiKey(services, mute, { name: 'unheard', environment: 'live' })).rejects.toThrow()
      const names = (await listApiKeys(services, systemPrincipal, { limit: 200 })).items.map(({ name }) => name)
      expect(names).not.toContain('unheard')
    })

    test('is refused alike in another organization and in a missing one', async () => {
      const input = { name: 'x', environment: 'live' } as const
      const refusals = [other, 'org_missing'].map((organizationId) =>
        createApiKey(services, admin, { ...input, organizationId }).catch((error: unknown) => error),
      )
      const [foreign, missing] = await Promise.all(refusals)
      expect(foreign).toMatchObject({ code: 'not_found' })
      expect(foreign).toEqual(missing)
      await expect(
        createApiKey(services, systemPrincipal, { ...input, organizationId: 'org_missing' }),
      ).rejects.toMatchObject({
        code: 'not_found',
      })
    })

    test('never holds more than its creator', async () => {
      const grants = [{ scopes: ['orders:write'] }, { audiences: ['https://elsewhere.example'] }, { roles: ['root'] }]
      for (const grant of grants) {
        await expect(
          createApiKey(services, admin, { name: 'more', environment: 'live', ...grant }),
        ).rejects.toMatchObject({
          code: 'permission_denied',
        })
      }
    })
  })

  describe('listing', () => {
    test("pages through the caller's organization, newest first, and shows each key once", async () => {
      const organizationId = await service.createOrganization('many')
      const reader = principal(organizationId, ['admin'])
      const created: string[] = []
      for (let count = 0; count < 5; count += 1) created.unshift((await service.createKey({ organizationId })).id)
      const seen: string[] = []
      let cursor: string | undefined
      do {
        const page = await listApiKeys(services, reader, { limit: 2, cursor })
        seen.push(...page.items.map(({ id }) => id))
        cursor = page.nextCursor ?? undefined
      } while (cursor !== undefined)
      expect(seen).toEqual(created)
    })

    test('shows every key to root', async () => {
      const { items } = await listApiKeys(services, systemPrincipal, { limit: 200 })
      expect(new Set(items.map(({ organizationId }) => organizationId)).size).toBeGreaterThan(2)
    })

    test.each(["' or 1=1 --", '%', '_', '\\', 'zzzz'])('refuses the cursor %j', async (cursor) => {
      await expect(listApiKeys(services, admin, { limit: 200, cursor })).rejects.toMatchObject({
        code: 'invalid_request',
      })
    })
  })

  test('a caller without a role can read only its own key', async () => {
    const { id } = await service.createKey({ organizationId: own })
    const nobody = principal(own, [], { clientId: id })
    expect(await showCaller(services, nobody)).toMatchObject({ id })
    await expect(showApiKey(services, nobody, id)).rejects.toMatchObject({ code: 'permission_denied' })
    await expect(listApiKeys(services, nobody, { limit: 1 })).rejects.toMatchObject({ code: 'permission_denied' })
  })
})
