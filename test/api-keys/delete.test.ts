import { eq } from 'drizzle-orm'
import { describe, expect, test } from 'vitest'
import { systemPrincipal } from '../../src/access/principal.ts'
import { deleteApiKey } from '../../src/api-keys/delete.ts'
import { disableApiKey } from '../../src/api-keys/disable.ts'
import { revokeApiKey } from '../../src/api-keys/revoke.ts'
import { rotateApiKey } from '../../src/api-keys/rotate.ts'
import { apiKeyAttempts, apiKeyUsage, apiKeyVersions, deletedSecrets, revocations } from '../../src/db/schema.ts'
import { runMaintenance } from '../../src/maintenance.ts'
import { createRootKey } from '../../src/root-keys.ts'
import { type AdminCall, adminClient, adminClientWith } from '../support/admin-client.ts'
import { eventsOf } from '../support/audit-trail.ts'
import { databaseKinds } from '../support/databases.ts'
import { basic, exchange, form, isLive, tryExchange } from '../support/oauth-requests.ts'
import { startTestService } from '../support/test-service.ts'

const day = 86_400

describe.each(databaseKinds)('deleting an API key, on %s', async (kind) => {
  const service = await startTestService(kind)
  const { services, clock } = service
  const { db } = services
  const root = adminClient(service, service.rootKey)
  const tokenOf = async (secret: string) => (await exchange(service, secret)).access_token
  const remove = async (id: string, query = '', as: AdminCall = root) =>
    await as('DELETE', `/v1/api-keys/${id}${query}`)
  const rulesAbout = async (id: string) => await db.select().from(revocations).where(eq(revocations.value, id))
  const hashOf = async (secret: string) => await services.platform.sha256(secret)

  test('ends it and its tokens at once, and hides it everywhere', async () => {
    const { id, secret } = await service.createKey()
    const token = await tokenOf(secret)
    expect(await isLive(service, token)).toBe(true)
    expect((await remove(id)).status).toBe(204)
    expect(await isLive(service, token)).toBe(false)
    expect((await tryExchange(service, secret)).status).toBe(401)
    expect((await root('GET', `/v1/api-keys/${id}`)).status).toBe(404)
    expect((await root('GET', '/v1/api-keys?limit=200')).text).not.toContain(id)
    expect((await root('POST', '/v1/api-keys/find-leaked', { sha256: await hashOf(secret) })).status).toBe(404)
    expect((await remove(id)).status).toBe(404)
    for (const [verb, body] of [
      ['rotate', {}],
      ['enable', {}],
      ['revoke', {}],
    ] as const)
      expect((await root('POST', `/v1/api-keys/${id}/${verb}`, body)).status, verb).toBe(404)
  })

  test('refuses the key and its tokens wherever a credential is accepted', async () => {
    const { id, secret } = await service.createKey({ roles: ['admin'] })
    const adminToken = await exchange(service, secret, { audience: services.config.issuer })
    await remove(id)
    for (const credential of [secret, adminToken.access_token])
      expect((await adminClient(service, credential)('GET', '/v1/me')).status).toBe(401)
    for (const path of ['/introspect', '/revoke']) {
      const request = form({ token: secret }, { Authorization: basic(id, secret) })
      expect((await service.request(path, request)).status, path).toBe(401)
    }
  })

  test('keeps its audit events, and rules that end once its tokens have expired, and deletes the rest', async () => {
    const { body } = await root('POST', '/v1/api-keys', { name: 'Anna’s laptop', labels: ['anna'] })
    const { id } = body.apiKey as { id: string }
    const secret = String(body.secret)
    await tokenOf(secret)
    await service.request('/token', form({ scope: 'none' }, { Authorization: basic('key_other', secret) }))
    await services.usage.flush()
    await rotateApiKey(services, systemPrincipal, id, { overlapSeconds: 600 })
    expect((await remove(id)).status).toBe(204)
    for (const table of [apiKeyUsage, apiKeyAttempts, apiKeyVersions])
      expect(await db.$count(table, eq(table.apiKeyId, id))).toBe(0)
    expect((await eventsOf(services, { subject: id })).map(({ type }) => type)).toEqual([
      'api_key.created',
      'api_key.rotated',
      'api_key.deleted',
    ])
    const [rule, ...others] = (await rulesAbout(id)).filter(({ reason }) => reason === 'deleted')
    expect(others).toEqual([])
    expect(rule).toMatchObject({ kind: 'api_key', issuedBefore: null, maxVersion: null, liftedAt: null })
    const lastToken = clock.now().getTime() + services.config.maxTokenTtlSeconds * 1000
    expect(rule?.expiresAt?.getTime()).toBeGreaterThanOrEqual(lastToken)
    expect((await rulesAbout(id)).filter(({ expiresAt }) => expiresAt === null)).toEqual([])
  })

  test('shows in a dry run who would notice, and changes nothing', async () => {
    const { id, secret } = await service.createKey()
    const token = await tokenOf(secret)
    await services.usage.flush()
    const tried = await remove(id, '?dryRun=true')
    expect(tried).toMatchObject({ status: 200, body: { apiKeys: 1, apiKeysWithLiveTokens: 1 } })
    expect(await isLive(service, token)).toBe(true)
    expect((await root('GET', `/v1/api-keys/${id}`)).status).toBe(200)
    expect(await rulesAbout(id)).toEqual([])
    expect(await db.$count(deletedSecrets, eq(deletedSecrets.apiKeyId, id))).toBe(0)
  })

  test('refuses a body and an unknown parameter, because a dry run that is ignored would delete', async () => {
    const { id } = await service.createKey()
    const withBody = await root('DELETE', `/v1/api-keys/${id}`, { dryRun: true })
    expect([withBody.status, withBody.body.detail]).toEqual([400, expect.stringContaining('takes no body')])
    expect((await remove(id, '?dry_run=true')).status).toBe(400)
    expect((await root('GET', `/v1/api-keys/${id}`)).status).toBe(200)
  })

  test('ends a disabled key too: the rule that had no end gets one', async () => {
    const { id, secret } = await service.createKey()
    const token = await tokenOf(secret)
    await disableApiKey(services, systemPrincipal, id)
    expect((await rulesAbout(id)).map(({ expiresAt }) => expiresAt)).toEqual([null])
    await deleteApiKey(services, systemPrincipal, id)
    const rules = await rulesAbout(id)
    expect(rules).toHaveLength(2)
    expect(rules.every(({ expiresAt, liftedAt }) => expiresAt !== null && liftedAt === null)).toBe(true)
    expect(await isLive(service, token)).toBe(false)
  })

  test('of a revoked key adds no second rule, and of one that would be revoked later adds one now', async () => {
    const [revoked, planned] = [await service.createKey(), await service.createKey()]
    await revokeApiKey(services, systemPrincipal, revoked.id, { reason: 'leaked' })
    const at = new Date(clock.now().getTime() + 600_000)
    await revokeApiKey(services, systemPrincipal, planned.id, { reason: 'unused', at })
    const token = await tokenOf(planned.secret)
    for (const { id } of [revoked, planned]) await deleteApiKey(services, systemPrincipal, id)
    expect((await rulesAbout(revoked.id)).map(({ reason }) => reason)).toEqual(['leaked'])
    expect(await isLive(service, token)).toBe(false)
  })

  test('leaves a rule that nobody can lift', async () => {
    const { id, secret } = await service.createKey()
    const token = await tokenOf(secret)
    await deleteApiKey(services, systemPrincipal, id)
    const [rule] = await rulesAbout(id)
    const answer = await root('POST', `/v1/revocations/${rule?.id}/lift`)
    expect([answer.status, answer.body.detail]).toEqual([409, expect.stringMatching(/^The API key was deleted/)])
    expect(await isLive(service, token)).toBe(false)
  })

  test('needs its permission: a pipeline cannot delete its key, and a developer only its own', async () => {
    const organizationId = await service.createOrganization()
    const expiresAt = new Date(clock.now().getTime() + day * 1000)
    const ci = await service.createKey({ organizationId, roles: ['ci_service'], expiresAt })
    expect((await remove(ci.id, '', adminClient(service, ci.secret))).status).toBe(403)
    const developer = await adminClientWith(service, { organizationId, roles: ['developer'] })
    const own = (await developer('POST', '/v1/api-keys', { name: 'own' })).body.apiKey as { id: string }
    expect((await remove(ci.id, '', developer)).status).toBe(404)
    expect((await remove(own.id, '', developer)).status).toBe(204)
    const outsider = await adminClientWith(service, {
      organizationId: await service.createOrganization(),
      roles: ['admin'],
    })
    expect((await remove(ci.id, '', outsider)).status).toBe(404)
  })

  test('of a root key needs root, and of the last holder needs force, in a dry run too', async () => {
    const organizationId = await service.createOrganization()
    const admin = await service.createKey({ organizationId, roles: ['admin'] })
    const rootKey = await service.createKey({ organizationId, roles: ['root'] })
    expect((await remove(rootKey.id, '', adminClient(service, admin.secret))).status).toBe(403)
    expect((await remove(rootKey.id)).status).toBe(204)
    for (const query of ['', '?dryRun=true']) expect((await remove(admin.id, query)).status, query).toBe(409)
    expect((await remove(admin.id, '?force=true&dryRun=true')).status).toBe(200)
    expect((await remove(admin.id, '?force=true')).status).toBe(204)
    const { id } = (await root('GET', '/v1/me')).body
    expect((await remove(String(id))).body.detail).toMatch(/last working root key/)
  })

  describe('keeps the secret from coming back', () => {
    const foreign = async (secret: string) => ({ name: 'old', hash: await hashOf(secret), algorithm: 'sha256' })
    const importKey = async (secret: string) =>
      await root('POST', '/v1/api-keys/import', { rows: [await foreign(secret)] })
    const imported = async (secret: string) => String(((await importKey(secret)).body.rows as { id: string }[])[0]?.id)

    test('by a second run of the same import, for ninety days', async () => {
      const secret = 'sk_live_imported_and_deleted'
      expect((await remove(await imported(secret))).status).toBe(204)
      const again = await importKey(secret)
      expect(again.body).toMatchObject({ created: 0, duplicates: 1, rows: [{ result: 'duplicate', id: null }] })
      expect((await tryExchange(service, secret)).status).toBe(401)
      clock.advance(90 * day)
      await runMaintenance(services)
      expect((await importKey(secret)).body).toMatchObject({ created: 0, duplicates: 1 })
      clock.advance(2)
      await runMaintenance(services)
      expect((await importKey(secret)).body).toMatchObject({ created: 1 })
    })

    test('with each of its versions', async () => {
      const { id, secret } = await service.createKey()
      const rotated = await rotateApiKey(services, systemPrincipal, id, {})
      await remove(id)
      for (const known of [secret, rotated.secret])
        expect((await importKey(known)).body, known).toMatchObject({ created: 0, duplicates: 1 })
    })

    test('as a root key that the environment declares', async () => {
      const { id, secret } = await service.createKey({ roles: ['root'] })
      await remove(id)
      const declaring = { ...services, config: { ...services.config, rootApiKey: secret } }
      await expect(createRootKey(declaring, { declared: true })).rejects.toMatchObject({
        code: 'conflict',
        detail: expect.stringContaining('was deleted'),
      })
    })
  })

  test('takes the usage too that an instance writes afterwards', async () => {
    const { id, secret } = await service.createKey()
    await tokenOf(secret)
    await remove(id)
    await services.usage.flush()
    expect(await db.$count(apiKeyUsage, eq(apiKeyUsage.apiKeyId, id))).toBe(1)
    await runMaintenance(services)
    expect(await db.$count(apiKeyUsage, eq(apiKeyUsage.apiKeyId, id))).toBe(0)
  })

  test('is done once by ten concurrent requests, and loses no race against a rotation', async () => {
    const { id } = await service.createKey()
    const answers = await Promise.all(Array.from({ length: 10 }, () => remove(id)))
    expect(answers.map(({ status }) => status).sort()).toEqual([204, ...Array.from({ length: 9 }, () => 404)])
    for (let round = 0; round < 5; round += 1) {
      const key = await service.createKey()
      const [deleted, rotated] = await Promise.all([remove(key.id), root('POST', `/v1/api-keys/${key.id}/rotate`, {})])
      expect([deleted.status, [200, 201, 404].includes(rotated.status)]).toEqual([204, true])
      const secrets = [key.secret, ...(typeof rotated.body.secret === 'string' ? [rotated.body.secret] : [])]
      for (const secret of secrets) expect((await tryExchange(service, secret)).status).toBe(401)
      expect(await db.$count(apiKeyVersions, eq(apiKeyVersions.apiKeyId, key.id))).toBe(0)
    }
  })

  test('never waits for ever when usage is written at the same time', async () => {
    const keys = await Promise.all(Array.from({ length: 20 }, () => service.createKey()))
    await Promise.all(keys.map(({ secret }) => tokenOf(secret)))
    await services.usage.flush()
    await Promise.all(keys.map(({ secret }) => tokenOf(secret)))
    const [answers] = await Promise.all([Promise.all(keys.map(({ id }) => remove(id))), services.usage.flush()])
    expect(answers.map(({ status }) => status)).toEqual(keys.map(() => 204))
  })
})
