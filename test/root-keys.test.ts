import { randomUUID } from 'node:crypto'
import { eq } from 'drizzle-orm'
import postgres from 'postgres'
import { describe, expect, test } from 'vitest'
import { generateApiKey } from '../src/api-keys/format.ts'
import { openPostgres } from '../src/db/postgres.ts'
import { apiKeys, auditEvents, organizations } from '../src/db/schema.ts'
import { createRootKey, faultOfDeclaredRootKey } from '../src/root-keys.ts'
import { adminClient } from './support/admin-client.ts'
import { databaseKinds } from './support/databases.ts'
import { startTestService, type TestService } from './support/test-service.ts'

const withDeclared = ({ services }: TestService, rootApiKey: string) => ({
  ...services,
  config: { ...services.config, rootApiKey },
})

describe.each(databaseKinds)('after the last root key was lost, on %s', (kind) => {
  test('a new one is created in the database, works at once, and is in the audit trail', async () => {
    const service = await startTestService(kind, { emptied: true })
    expect((await adminClient(service, service.rootKey)('POST', '/v1/me/revoke')).status).toBe(204)
    const created = await createRootKey(service.services)
    expect(created).toMatchObject({ organizationId: service.organizationId, expiresAt: null })
    const root = adminClient(service, created.rootApiKey ?? '')
    expect(await root('GET', '/v1/me')).toMatchObject({ status: 200, body: { id: created.apiKeyId, roles: ['root'] } })
    const events = await service.services.db.select().from(auditEvents).where(eq(auditEvents.type, 'root_key.created'))
    expect(events).toMatchObject([
      { actor: 'system', organizationId: service.organizationId, subject: created.apiKeyId, result: 'success' },
    ])
    expect(JSON.stringify(events)).not.toContain(created.rootApiKey)
  })

  test('the new one goes into an organization that is in use, and keeps its lifetime policy', async () => {
    const service = await startTestService(kind, { emptied: true })
    const { db } = service.services
    const other = await service.createOrganization('other')
    await db
      .update(organizations)
      .set({ suspendedAt: service.clock.now() })
      .where(eq(organizations.id, service.organizationId))
    await db.update(organizations).set({ maxKeyLifetimeSeconds: 3600 }).where(eq(organizations.id, other))
    const expiresAt = new Date(service.clock.now().getTime() + 3_600_000).toISOString()
    expect(await createRootKey(service.services)).toMatchObject({ organizationId: other, expiresAt })
    await expect(createRootKey(service.services, { organizationId: service.organizationId })).rejects.toMatchObject({
      code: 'conflict',
    })
    await expect(createRootKey(service.services, { organizationId: 'org_1' })).rejects.toMatchObject({
      code: 'not_found',
    })
  })

  test('a declared one is stored if its secret is new, and then is in force', async () => {
    const service = await startTestService(kind, { emptied: true })
    const secret = generateApiKey('live')
    const services = withDeclared(service, secret)
    const now = service.clock.now()
    expect(await faultOfDeclaredRootKey(services, now)).toBe('unknown')
    expect(await createRootKey(services, { declared: true })).toMatchObject({ rootApiKey: null })
    expect(await faultOfDeclaredRootKey(services, now)).toBeUndefined()
    await expect(createRootKey(services, { declared: true })).rejects.toMatchObject({ code: 'conflict' })
    await expect(createRootKey(service.services, { declared: true })).rejects.toMatchObject({ code: 'conflict' })
    await expect(createRootKey(withDeclared(service, 'mk_live_x'), { declared: true })).rejects.toThrow(TypeError)
  })

  test('a declared key that is not in force is found, with the reason', async () => {
    const service = await startTestService(kind, { emptied: true })
    const { id, secret } = await service.createKey({ roles: ['admin'] })
    const fault = async () => await faultOfDeclaredRootKey(withDeclared(service, secret), service.clock.now())
    expect(await fault()).toBe('not_root')
    await service.services.db.update(apiKeys).set({ revokedAt: service.clock.now() }).where(eq(apiKeys.id, id))
    expect(await fault()).toBe('revoked')
    expect(await faultOfDeclaredRootKey(service.services, service.clock.now())).toBeUndefined()
  })
})

describe.runIf(databaseKinds.includes('postgres'))('on PostgreSQL', () => {
  test("only the owner's role creates a root key, not the service's role", async () => {
    const service = await startTestService('postgres')
    const url = new URL(service.database.url ?? '')
    const owner = postgres(url.href, { max: 1, onnotice: () => {} })
    const role = `mintage_service_${randomUUID().replaceAll('-', '')}`
    const password = randomUUID()
    await owner.unsafe(`create role ${role} login password '${password}';
      grant usage on schema public to ${role};
      grant select, insert, update, delete on all tables in schema public to ${role}`)
    url.username = role
    url.password = password
    const restricted = openPostgres({ url: url.href, pooler: 'none', deadlineMilliseconds: 15_000 })
    try {
      await expect(createRootKey({ ...service.services, db: restricted.db })).rejects.toMatchObject({
        code: 'permission_denied',
      })
    } finally {
      await restricted.close()
      await owner.unsafe(`drop owned by ${role}; drop role ${role}`)
      await owner.end()
    }
  })
})
