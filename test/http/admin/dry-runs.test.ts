import { ne } from 'drizzle-orm'
import { beforeAll, describe, expect, test } from 'vitest'
import { systemPrincipal } from '../../../src/access/principal.ts'
import {
  apiKeys,
  apiKeyVersions,
  auditEvents,
  revocations,
  signingKeyActivations,
  signingKeys,
} from '../../../src/db/schema.ts'
import { listSigningKeys } from '../../../src/signing-keys/read.ts'
import { type AdminCall, adminClient } from '../../support/admin-client.ts'
import { databaseKinds } from '../../support/databases.ts'
import { startTestService, type TestService } from '../../support/test-service.ts'

describe.each(databaseKinds)('a dry run on %s', (kind) => {
  let service: TestService
  let root: AdminCall
  let id: string
  let secret: string

  beforeAll(async () => {
    service = await startTestService(kind)
    root = adminClient(service, service.rootKey)
    ;({ id, secret } = await service.createKey())
    await service.request('/token', { method: 'POST', headers: { 'X-API-Key': secret, 'User-Agent': 'shop/1' } })
    await service.services.usage.flush()
  })

  const rows = async () => {
    const { db } = service.services
    const tables = [signingKeyActivations, apiKeys, apiKeyVersions, revocations, signingKeys] as const
    const changes = await db.select().from(auditEvents).where(ne(auditEvents.type, 'operation.refused'))
    return [changes, ...(await Promise.all(tables.map(async (table) => await db.select().from(table))))]
  }

  async function tried(method: 'POST' | 'PATCH', path: string, body: object, as = root) {
    const before = await rows()
    const answer = await as(method, `/v1${path}`, { ...body, dryRun: true })
    expect(await rows()).toEqual(before)
    return answer
  }

  const used = {
    apiKeys: 1,
    apiKeysUsed: 1,
    apiKeysWithLiveTokens: 1,
    lastUses: [{ apiKeyId: '', agents: expect.arrayContaining(['shop/1']) }],
  }
  const broken = () => ({ status: 200, body: { ...used, lastUses: [{ ...used.lastUses[0], apiKeyId: id }] } })
  const harmless = { status: 200, body: { apiKeys: 0, apiKeysWithLiveTokens: 0, lastUses: [] } }

  test('of a rotation shows whether a secret stops working at once, and who uses it', async () => {
    const path = `/api-keys/${id}/rotate`
    expect(await tried('POST', path, { overlapSeconds: 0 })).toMatchObject(broken())
    expect(await tried('POST', path, { overlapSeconds: 60 })).toMatchObject({
      ...harmless,
      body: { ...harmless.body, formerVersion: { version: 1, endsAt: '2026-11-02T10:01:00.000Z' } },
    })
    expect(await tried('POST', path, { expiresAt: '2026-11-02T10:01:00Z' })).toMatchObject(broken())
    expect(JSON.stringify((await tried('POST', path, {})).body)).not.toContain('mk_')
  })

  test('of an update shows whether the key and its tokens end earlier', async () => {
    expect(await tried('PATCH', `/api-keys/${id}`, { expiresAt: '2026-11-02T10:01:00Z' })).toMatchObject(broken())
    expect(await tried('PATCH', `/api-keys/${id}`, { description: 'x' })).toMatchObject(harmless)
  })

  test('of what a key may do with itself needs no role', async () => {
    const own = adminClient(service, secret)
    expect(await tried('POST', '/me/rotate', { overlapSeconds: 0 }, own)).toMatchObject(broken())
    const { status, body } = broken()
    const notLast = { lastRootKey: false, lastAdministrator: false }
    expect(await tried('POST', '/me/revoke', {}, own)).toMatchObject({ status, body: { ...body, ...notLast } })
    expect((await tried('POST', '/me/revoke', {})).body).toMatchObject({ lastRootKey: true, lastAdministrator: true })
  })

  test('of the end of an overlap counts only the versions that end', async () => {
    const rotated = await service.createKey()
    const headers = { 'X-API-Key': rotated.secret, 'User-Agent': 'old/1' }
    await service.request('/token', { method: 'POST', headers })
    await root('POST', `/v1/api-keys/${rotated.id}/rotate`, { overlapSeconds: 60 })
    await service.services.usage.flush()
    const path = `/api-keys/${rotated.id}/versions/1/end`
    expect(await tried('POST', path, {})).toMatchObject({
      status: 200,
      body: { apiKeys: 1, lastUses: [{ version: 1 }] },
    })
    expect(await tried('POST', `/api-keys/${rotated.id}/versions/2/end`, {})).toMatchObject({ status: 409 })
    await root('POST', `/v1${path}`)
    expect(await tried('POST', path, {})).toMatchObject(harmless)
  })

  test('of a revocation rule counts the keys that it covers', async () => {
    const { organizationId } = service
    for (const rule of [
      { kind: 'api_key', value: id },
      { kind: 'api_key', value: id, maxVersion: 3 },
      { kind: 'api_key', value: id, minVersion: 1, maxVersion: 1 },
      { kind: 'subject', value: `${organizationId} ${id}` },
    ])
      expect(await tried('POST', '/revocations', rule)).toMatchObject(broken())
    for (const rule of [
      { kind: 'organization', value: organizationId },
      { kind: 'all', value: '*' },
    ]) {
      const { status, body } = await tried('POST', '/revocations', rule)
      expect([status, Number(body.apiKeys) > 2, Number(body.apiKeysWithLiveTokens) > 0]).toEqual([200, true, true])
    }
    expect(await tried('POST', '/revocations', { kind: 'api_key', value: id, minVersion: 2 })).toMatchObject({
      status: 200,
      body: { apiKeysWithLiveTokens: 0, lastUses: [] },
    })
    expect(await tried('POST', '/revocations', { kind: 'subject', value: `${organizationId} nobody` })).toMatchObject(
      harmless,
    )
    expect(await tried('POST', '/revocations', { kind: 'organization', value: 'org_1' })).toMatchObject({ status: 404 })
  })

  test('of a change to the key ring shows which key signs, whether that is early, and what dies', async () => {
    const listed = await listSigningKeys(service.services, systemPrincipal)
    const kidOf = (state: string) => listed.find((key) => key.purpose === 'token' && key.state === state)?.kid
    const [active, pending] = [kidOf('active'), kidOf('pending')]
    expect(await tried('POST', '/signing-keys/rotate', {})).toMatchObject({ status: 409, body: { code: 'too_early' } })
    const forced = { signsNow: active, wouldSign: pending, early: true, revoked: [], tokensLiveUntil: null }
    expect(await tried('POST', '/signing-keys/rotate', { force: true })).toMatchObject({ status: 200, body: forced })
    const early = { ...forced, revoked: [active], tokensLiveUntil: expect.any(String) }
    expect(await tried('POST', `/signing-keys/${pending}/activate`, { force: true, revokeFormer: true })).toMatchObject(
      { status: 200, body: early },
    )
    expect(await tried('POST', '/signing-keys/replace', { compromised: true })).toMatchObject({ body: early })
    expect(await tried('POST', '/signing-keys/replace', { compromised: true, distrustPending: true })).toMatchObject({
      body: { wouldSign: null, early: true, revoked: expect.arrayContaining([active, pending]) },
    })
    const safe = { purpose: 'record', dryRun: true }
    expect((await root('POST', '/v1/signing-keys/replace', { ...safe, compromised: true })).body).toMatchObject({
      tokensLiveUntil: null,
      verifiers: null,
    })
  })

  test('of an end refuses what the end itself would refuse', async () => {
    const fresh = await startTestService(kind)
    const call = adminClient(fresh, fresh.rootKey)
    const { body: me } = await call('GET', '/v1/me')
    const last = `/v1/api-keys/${me.id}`
    for (const path of [`${last}/disable`, `${last}/expire`, `${last}/revoke`]) {
      for (const dryRun of [true, false]) {
        const { status, body } = await call('POST', path, { dryRun })
        expect([status, body.code, body.detail], path).toEqual([
          409,
          'conflict',
          expect.stringContaining('repeat the request with force'),
        ])
      }
      expect(await call('POST', path, { dryRun: true, force: true })).toMatchObject({
        status: 200,
        body: { apiKeys: 1 },
      })
    }
    for (const dryRun of [true, false]) {
      const suspended = await call('POST', `/v1/organizations/${fresh.organizationId}/suspend`, { dryRun })
      expect([suspended.status, suspended.body.code]).toEqual([409, 'conflict'])
    }
    expect((await call('GET', last)).body).toMatchObject({ status: 'usable', revision: 1 })
    const { id: dead } = await fresh.createKey({ revokedAt: fresh.clock.now() })
    for (const dryRun of [true, false])
      expect((await call('POST', `/v1/api-keys/${dead}/disable`, { dryRun })).status).toBe(409)
  })

  test('needs the permission of the change itself', async () => {
    const developer = adminClient(service, (await service.createKey({ roles: ['developer'] })).secret)
    for (const [path, body] of [
      ['/signing-keys/rotate', { force: true }],
      ['/signing-keys/replace', { compromised: true }],
      ['/revocations', { kind: 'all', value: '*' }],
      [`/api-keys/${id}/rotate`, {}],
    ] as const)
      expect([403, 404]).toContain((await tried('POST', path, body, developer)).status)
  })

  test('with an Idempotency-Key leaves the key free for the change itself', async () => {
    const send = async (body: object) =>
      await service.request(`/v1/api-keys/${id}/rotate`, {
        method: 'POST',
        headers: {
          Authorization: `Bearer ${service.rootKey}`,
          'Content-Type': 'application/json',
          'Idempotency-Key': `dry-${kind}`,
        },
        body: JSON.stringify(body),
      })
    expect((await send({ dryRun: true })).status).toBe(200)
    expect(await (await send({})).json()).toMatchObject({ apiKey: { version: 2 } })
  })
})
