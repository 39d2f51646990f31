import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { sql } from 'drizzle-orm'
import postgres from 'postgres'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { sqlState } from '../../src/db/failure.ts'
import { migrationState } from '../../src/db/migration-state.ts'
import { openPostgres } from '../../src/db/postgres.ts'
import { runMaintenance } from '../../src/maintenance.ts'
import { selfTest } from '../../src/signing-keys/self-test.ts'
import { adminClient } from '../support/admin-client.ts'
import { exportTrail, verifyTrail } from '../support/audit-trail.ts'
import { databaseKinds } from '../support/databases.ts'
import { exchange } from '../support/oauth-requests.ts'
import { credentialsIn } from '../support/printed-credentials.ts'
import { secondInstance } from '../support/second-instance.ts'
import { startTestService, type TestService } from '../support/test-service.ts'

const serverKinds = databaseKinds.filter((kind) => kind === 'postgres')

/** The statements of docs/postgresql.md that create the service's role, for a role of this test. */
function grants(role: string, owner: string): string {
  const page = readFileSync(new URL('../../docs/postgresql.md', import.meta.url), 'utf8')
  const block = [...page.matchAll(/```sql\n([\s\S]*?)```/g)]
    .map(([, text = '']) => text)
    .find((text) => text.includes('on all tables'))
  if (!block) throw new Error('docs/postgresql.md has lost its grants')
  return block.replaceAll(/\bmintage_owner\b/g, owner).replaceAll(/\b(to|from) mintage\b/g, `$1 ${role}`)
}

describe.each(serverKinds)('R135 A81 the role of the service on %s', (kind) => {
  const role = `mintage_service_${randomUUID().replaceAll('-', '')}`
  let service: TestService
  let asOwner: postgres.Sql
  let restricted: ReturnType<typeof openPostgres>

  beforeAll(async () => {
    const owned = await startTestService(kind)
    const url = new URL(owned.database.url ?? '')
    asOwner = postgres(url.href, { max: 1, onnotice: () => {} })
    const password = randomUUID()
    const [owner] = await asOwner`select current_user as name`
    await asOwner.unsafe(`create role ${role} login password '${password}'; ${grants(role, owner?.name)}`)
    url.username = role
    url.password = password
    restricted = openPostgres({ url: url.href, pooler: 'none', deadlineMilliseconds: 15_000 })
    service = { ...owned, ...secondInstance(owned, restricted) }
  })
  afterAll(async () => {
    await restricted.close()
    await asOwner.unsafe(`drop owned by ${role}; drop role ${role}`)
    await asOwner.end()
  })

  test.each([
    'update audit_events set actor = actor',
    'delete from audit_events',
    'truncate audit_events cascade',
    'update audit_chain set hash = hash',
    'delete from audit_chain',
    'truncate audit_chain',
    'update audit_checkpoints set signed = signed',
    'delete from audit_checkpoints',
    'truncate audit_checkpoints',
    'alter table audit_events disable trigger all',
    'drop table audit_chain',
    'delete from change_locks',
    "insert into change_locks values ('another')",
    'truncate change_locks',
    'insert into audit_chain select * from audit_chain on conflict (sequence) do update set hash = excluded.hash',
  ])('cannot %s', async (statement) => {
    const { db } = service.services
    expect(await db.execute(sql.raw(statement)).catch(sqlState)).toBe('42501')
  })

  test('may do everything that the service needs', async () => {
    const root = adminClient(service, service.rootKey)
    await selfTest(service.services)
    const created = await root('POST', '/v1/api-keys', { name: 'restricted', scopes: ['orders:read'] })
    expect(created.status).toBe(201)
    const { apiKey, secret } = Object(created.body)
    const { access_token: token } = await exchange(service, secret)
    expect(token).toBeTruthy()
    await service.services.usage.flush()
    expect((await root('POST', '/v1/organizations', { name: 'acme' })).status).toBe(201)
    expect((await root('POST', `/v1/api-keys/${apiKey.id}/revoke`, { reason: 'leaked' })).status).toBe(204)
    const rule = await root('POST', '/v1/revocations', { kind: 'subject', value: `${service.organizationId} alice` })
    expect((await root('POST', `/v1/revocations/${String(rule.body.id)}/lift`)).status).toBe(204)
    service.clock.advance(60)
    expect((await root('POST', '/v1/signing-keys/rotate', { purpose: 'token', force: true })).status).toBe(200)
    expect((await root('GET', '/v1/api-keys/key_nothing')).status).toBe(404)
    expect(await runMaintenance(service.services)).toBe(true)
    expect((await root('POST', '/v1/audit-checkpoints')).status).toBe(201)
    expect(await migrationState(restricted.db)).toBe('current')
    expect(await verifyTrail(await exportTrail(service))).toMatchObject({ faults: [] })
  })
})

describe.each(databaseKinds)('A81 an attacker who can write everything on %s', async (kind) => {
  test.each([
    ['changes an event', "update audit_events set reason = 'nothing' where sequence = 3", 'edited'],
    [
      'changes when it happened',
      "update audit_events set occurred_at = occurred_at - interval '1 day' where sequence = 3",
      'edited',
    ],
    [
      'takes an event out',
      'delete from audit_chain where sequence = 3; delete from audit_events where sequence = 3',
      'deleted',
    ],
    [
      'cuts the end off',
      'delete from audit_chain where sequence >= 4; delete from audit_events where sequence >= 4',
      'rewritten',
    ],
    ['changes a link', "update audit_chain set hash = repeat('f', 64) where sequence = 3", 'edited'],
    ['forges a checkpoint', "update audit_checkpoints set signed = replace(signed, 'e', 'f')", 'bad_checkpoint'],
  ])('%s, and the verifier detects it', async (_, statements, fault) => {
    const service = await startTestService(kind, { emptied: true })
    const root = adminClient(service, service.rootKey)
    for (const name of ['a', 'b', 'c']) await root('POST', '/v1/api-keys', { name })
    const { body: checkpoint } = await root('POST', '/v1/audit-checkpoints')
    for (const statement of statements.split('; ')) await service.services.db.execute(sql.raw(statement))
    await root('POST', '/v1/api-keys', { name: 'later' })
    const { faults } = await verifyTrail(await exportTrail(service), { checkpoints: [String(checkpoint.signed)] })
    expect(faults.map(({ kind: found }) => found)).toContain(fault)
  })
})

describe.each(databaseKinds)('A82 while the trail cannot be written on %s, nothing privileged happens', (kind) => {
  test.each([
    ['the events', 'alter table audit_events rename to lost', 'alter table lost rename to audit_events'],
    ['the chain', 'alter table audit_chain rename to lost', 'alter table lost rename to audit_chain'],
    ['its lock', 'alter table change_locks rename to lost', 'alter table lost rename to change_locks'],
    [
      'the row of its lock',
      "delete from change_locks where name = 'audit_head'",
      "insert into change_locks values ('audit_head')",
    ],
    [
      'any event',
      'alter table audit_events add constraint nothing check (false) not valid',
      'alter table audit_events drop constraint nothing',
    ],
  ])('because it rejects %s', async (_, block, unblock) => {
    const service = await startTestService(kind, { emptied: true })
    const { secret, id } = await service.createKey({ scopes: ['a'] })
    await service.services.db.execute(sql.raw(block))
    onTestFinished(async () => void (await service.services.db.execute(sql.raw(unblock))))
    const root = adminClient(service, service.rootKey)
    const attempts = [
      await root('POST', '/v1/api-keys', { name: 'unrecorded' }),
      await root('POST', `/v1/api-keys/${id}/revoke`, { reason: 'leaked' }),
      await root('POST', '/v1/organizations', { name: 'unrecorded' }),
      await root('POST', '/v1/revocations', { kind: 'all', value: '*' }),
      await root('POST', '/v1/signing-keys/rotate', { force: true }),
      await root('POST', '/v1/audit-checkpoints'),
      await root('GET', '/v1/audit-events/export'),
    ]
    expect(attempts.map(({ status }) => status)).toEqual(attempts.map(() => 500))
    for (const { text } of attempts) expect(text).not.toMatch(/audit_|_locks|lost|check|constraint/)
    expect((await root('GET', '/v1/api-keys')).text).not.toContain('unrecorded')
    expect((await root('GET', `/v1/api-keys/${id}`)).body).toMatchObject({ revokedAt: null })
    expect((await exchange(service, secret)).access_token).toBeTruthy()
  })
})

describe.each(serverKinds)('A82 while another session locks the trail on %s', (kind) => {
  test('an admin operation is refused in time and rolled back, and exchanges still work', async () => {
    const service = await startTestService(kind, { emptied: true })
    const { secret } = await service.createKey({ scopes: ['a'] })
    const url = service.database.url ?? ''
    const impatient = openPostgres({ url, pooler: 'none', deadlineMilliseconds: 500 })
    const { request } = secondInstance(service, impatient)
    const holder = postgres(url, { max: 1 })
    await holder.begin(async (tx) => {
      await tx`select from change_locks where name = 'audit_head' for update`
      const refused = await adminClient({ request }, service.rootKey)('POST', '/v1/api-keys', { name: 'unrecorded' })
      expect([refused.status, refused.body.code]).toEqual([503, 'database_unavailable'])
      expect((await exchange({ ...service, request }, secret)).access_token).toBeTruthy()
    })
    await holder.end()
    await impatient.close()
    expect((await adminClient(service, service.rootKey)('GET', '/v1/api-keys')).text).not.toContain('unrecorded')
    expect((await adminClient(service, service.rootKey)('POST', '/v1/api-keys', { name: 'recorded' })).status).toBe(201)
  })
})

test('an exchange writes no event, whether it is granted or refused', async () => {
  const service = await startTestService('embedded', { emptied: true })
  const { secret } = await service.createKey({ scopes: ['a'] })
  const before = await verifyTrail(await exportTrail(service))
  await exchange(service, secret)
  await service.request('/token', { method: 'POST', headers: { 'X-API-Key': `${secret}x` } })
  expect((await verifyTrail(await exportTrail(service))).events).toBe(before.events + 1)
})

describe('A83 an export', () => {
  test('contains no key, no token, no hash of a key and no private member', async () => {
    const service = await startTestService('embedded', { emptied: true })
    const root = adminClient(service, service.rootKey)
    const { body } = await root('POST', '/v1/api-keys', { name: 'exported' })
    const { secret } = Object(body)
    const trail = (await exportTrail(service)).filter((line) => !line.startsWith('{"kind":"checkpoint"')).join('\n')
    const csv = await (
      await service.request('/v1/audit-events/export?format=csv', { headers: { 'X-API-Key': service.rootKey } })
    ).text()
    for (const text of [trail, csv]) {
      expect(credentialsIn(text)).toEqual([])
      expect(text).not.toContain(await service.services.platform.sha256(secret))
      expect(text).not.toMatch(/"d"|sealed/)
    }
  })

  test('contains no text of a stranger that a spreadsheet would run as a formula', async () => {
    const service = await startTestService('embedded', { emptied: true })
    const headers = {
      'X-API-Key': service.rootKey,
      'Content-Type': 'application/json',
      'User-Agent': '=HYPERLINK("http://evil.example")',
    }
    const created = await service.request('/v1/api-keys', {
      method: 'POST',
      headers,
      body: JSON.stringify({ name: '=1+1' }),
    })
    const { apiKey } = await created.json()
    await service.request(`/v1/api-keys/${apiKey.id}/revoke`, {
      method: 'POST',
      headers,
      body: JSON.stringify({ reason: 'leaked' }),
    })
    const csv = await (await service.request('/v1/audit-events/export?format=csv', { headers })).text()
    expect(csv).toContain(`"'=HYPERLINK(""http://evil.example"")"`)
    expect(csv).not.toMatch(/(?:^|,)"[=+@-]/m)
  })
})
