import { eq, inArray } from 'drizzle-orm'
import { describe, expect, test } from 'vitest'
import { systemPrincipal } from '../../src/access/principal.ts'
import { generateApiKey } from '../../src/api-keys/format.ts'
import { showApiKey } from '../../src/api-keys/read.ts'
import type { RevocationFilter } from '../../src/api-keys/revoke-filter.ts'
import { revokeAllApiKeys, revokeApiKeys } from '../../src/api-keys/revoke-many.ts'
import { apiKeys, apiKeyVersions, revocations } from '../../src/db/schema.ts'
import { eventsOf } from '../support/audit-trail.ts'
import { databaseKinds } from '../support/databases.ts'
import { exchange } from '../support/oauth-requests.ts'
import { principal } from '../support/principal.ts'
import { outcome } from '../support/test-issuer.ts'
import { startTestService } from '../support/test-service.ts'

describe.each(databaseKinds)('R141 revoking many API keys on %s', async (kind) => {
  const service = await startTestService(kind)
  const { services, clock } = service
  const because = { reason: 'leaked' } as const
  const inOrganization = async () => {
    const organizationId = await service.createOrganization('many')
    const caller = await service.createKey({ organizationId, roles: ['admin'] })
    return { organizationId, caller, admin: principal(organizationId, ['admin'], { clientId: caller.id }) }
  }
  const statusOf = async (id: string) => (await showApiKey(services, systemPrincipal, id)).status
  const eventsAbout = (subject: string) => eventsOf(services, { subject, type: 'api_keys.revoked' })
  const verify = (text: string) => services.verifier.verify(text)

  test('revokes the matching keys with all their tokens, no others, in one event', async () => {
    const { organizationId, admin } = await inOrganization()
    const [live, other] = [await service.createKey({ organizationId }), await service.createKey({ organizationId })]
    const tries = await service.createKey({ organizationId, environment: 'test' })
    const foreign = await service.createKey({ organizationId: await service.createOrganization() })
    const tokens = await Promise.all(
      [live, other, tries, foreign].map(async ({ secret }) => (await exchange(service, secret)).access_token),
    )
    const answer = await revokeApiKeys(
      services,
      admin,
      { environment: 'live' },
      { ...because, text: 'the vault was open' },
    )
    expect(answer).toEqual({
      dryRun: false,
      apiKeys: 2,
      apiKeyIds: expect.arrayContaining([live.id, other.id]),
      effectiveAt: clock.now().toISOString(),
      spared: admin.clientId,
      impact: null,
    })
    const outcomes = await Promise.all(tokens.map((token) => outcome(verify, token)))
    expect(outcomes).toEqual(['invalid_token revoked', 'invalid_token revoked', 'accepted', 'accepted'])
    expect(await eventsAbout(organizationId)).toEqual([
      expect.objectContaining({
        actor: admin.clientId,
        organizationId,
        reason: 'leaked',
        context: {
          apiKeys: 2,
          apiKeyIds: expect.arrayContaining([live.id, other.id]),
          filter: { environment: 'live' },
          effectiveAt: clock.now().toISOString(),
          wholeOrganization: false,
          text: 'the vault was open',
        },
      }),
    ])
    expect(await showApiKey(services, admin, live.id)).toMatchObject({
      revocationReason: 'leaked',
      revocationText: 'the vault was open',
    })
  })

  test('repeated, changes nothing and writes nothing', async () => {
    const { organizationId, admin } = await inOrganization()
    await service.createKey({ organizationId })
    await revokeApiKeys(services, admin, { organizationId }, because)
    clock.advance(1)
    expect(await revokeApiKeys(services, admin, { organizationId }, because)).toMatchObject({
      apiKeys: 0,
      apiKeyIds: [],
    })
    expect(await eventsAbout(organizationId)).toHaveLength(1)
  })

  describe('matches by', () => {
    test.each<[string, (key: { id: string; secret: string; hint: string }) => RevocationFilter]>([
      ['its label', () => ({ label: 'ci' })],
      ['its creation time', () => ({ createdBefore: clock.now() })],
      ['prefix and last characters of a leaked secret', ({ hint }) => ({ prefix: 'mk', hint })],
      ['only its last characters', ({ hint }) => ({ hint })],
      ['all of these at once', ({ hint }) => ({ label: 'ci', createdBefore: clock.now(), hint, environment: 'live' })],
    ])('%s only that key', async (_, filterOf) => {
      const { organizationId, admin } = await inOrganization()
      const meant = await service.createKey({ organizationId })
      await services.db
        .update(apiKeys)
        .set({ labels: ['eu', 'ci'], createdAt: new Date(clock.now().getTime() - 1000) })
        .where(eq(apiKeys.id, meant.id))
      const others = [await service.createKey({ organizationId }), await service.createKey({ organizationId })]
      const { hint } = await showApiKey(services, admin, meant.id)
      expect(await revokeApiKeys(services, admin, filterOf({ ...meant, hint }), because)).toMatchObject({
        apiKeyIds: [meant.id],
      })
      for (const { id } of others) expect(await statusOf(id)).toBe('usable')
    })

    test('a previous version', async () => {
      const { organizationId, admin } = await inOrganization()
      const { id } = await service.createKey({ organizationId })
      const later = {
        hash: await services.platform.sha256(generateApiKey('live')),
        hint: 'ZZZZ',
        createdAt: clock.now(),
      }
      await services.db.insert(apiKeyVersions).values({ apiKeyId: id, version: 2, ...later })
      const [first] = await services.db
        .select()
        .from(apiKeyVersions)
        .where(eq(apiKeyVersions.apiKeyId, id))
        .orderBy(apiKeyVersions.version)
      const dry = { ...because, dryRun: true }
      for (const hint of [first?.hint, 'ZZZZ']) {
        expect(await revokeApiKeys(services, admin, { hint }, dry)).toMatchObject({ apiKeyIds: [id] })
      }
    })

    test.each<[string, RevocationFilter]>([
      ['%', { label: '%' }],
      ['_', { hint: '____' }],
      ["'", { label: "' or '1'='1" }],
      ['\\', { label: '\\' }],
    ])('%s literally', async (_, filter) => {
      const { organizationId, admin } = await inOrganization()
      const { id } = await service.createKey({ organizationId })
      expect(await revokeApiKeys(services, admin, filter, because)).toMatchObject({ apiKeys: 0 })
      expect(await statusOf(id)).toBe('usable')
    })
  })

  test('refuses a service account that does not exist or belongs to another organization', async () => {
    const { admin } = await inOrganization()
    await expect(revokeApiKeys(services, admin, { serviceAccountId: 'svc_elsewhere' }, because)).rejects.toMatchObject({
      code: 'not_found',
    })
  })

  test('refuses an empty filter, and treats another organization like a missing one', async () => {
    const { admin } = await inOrganization()
    await expect(revokeApiKeys(services, admin, {}, because)).rejects.toMatchObject({ code: 'invalid_request' })
    await expect(revokeApiKeys(services, systemPrincipal, { label: undefined }, because)).rejects.toMatchObject({
      code: 'invalid_request',
    })
    const { organizationId } = await inOrganization()
    const [foreign, missing] = await Promise.all(
      [organizationId, 'org_missing'].map((id) =>
        revokeApiKeys(services, admin, { organizationId: id }, because).catch((error: unknown) => error),
      ),
    )
    expect(foreign).toMatchObject({ code: 'not_found' })
    expect(foreign).toEqual(missing)
  })

  test('by a developer revokes only the keys that it created, and reveals no others', async () => {
    const { organizationId } = await inOrganization()
    const { id: developerId } = await service.createKey({ organizationId, roles: ['developer'] })
    const [made, others] = [await service.createKey({ organizationId }), await service.createKey({ organizationId })]
    await services.db.update(apiKeys).set({ createdBy: developerId }).where(eq(apiKeys.id, made.id))
    const developer = principal(organizationId, ['developer'], { clientId: developerId })
    expect(await revokeApiKeys(services, developer, { organizationId }, because)).toMatchObject({
      apiKeyIds: [made.id],
    })
    expect(await statusOf(others.id)).toBe('usable')
    await expect(revokeAllApiKeys(services, developer, organizationId, because)).rejects.toMatchObject({
      code: 'permission_denied',
    })
  })

  test('in a dry run lists the keys and their usage, and writes nothing', async () => {
    const { organizationId, admin } = await inOrganization()
    const { id, secret } = await service.createKey({ organizationId })
    await exchange(service, secret)
    await services.usage.flush()
    expect(await revokeApiKeys(services, admin, { organizationId }, { ...because, dryRun: true })).toMatchObject({
      dryRun: true,
      apiKeys: 1,
      apiKeyIds: [id],
      spared: admin.clientId,
      impact: { apiKeys: 1, apiKeysWithLiveTokens: 1, exchanges: 1 },
    })
    expect(await statusOf(id)).toBe('usable')
    expect(await eventsAbout(organizationId)).toEqual([])
  })

  test('at a future time leaves them working until then', async () => {
    const { organizationId, admin } = await inOrganization()
    const { id, secret } = await service.createKey({ organizationId })
    const at = new Date(clock.now().getTime() + 10_000)
    expect(await revokeApiKeys(services, admin, { organizationId }, { ...because, at })).toMatchObject({
      effectiveAt: at.toISOString(),
    })
    expect(await statusOf(id)).toBe('usable')
    expect((await exchange(service, secret)).expires_in).toBeLessThanOrEqual(10)
    clock.advance(10)
    expect(await statusOf(id)).toBe('revoked')
  })

  test('by two callers at once revokes each key once', async () => {
    const { organizationId, admin } = await inOrganization()
    const keys = await Promise.all(Array.from({ length: 30 }, () => service.createKey({ organizationId })))
    const answers = await Promise.all(
      Array.from({ length: 4 }, () => revokeApiKeys(services, admin, { organizationId }, because)),
    )
    expect(answers.reduce((sum, answer) => sum + answer.apiKeys, 0)).toBe(30)
    const rules = await services.db
      .select()
      .from(revocations)
      .where(
        inArray(
          revocations.value,
          keys.map(({ id }) => id),
        ),
      )
    expect(rules).toHaveLength(30)
  })

  test('of thousands of keys revokes them all, and the events stay small', async () => {
    const { organizationId, admin } = await inOrganization()
    const rows = Array.from({ length: 2500 }, (_, place) => ({
      id: `key_many_${kind}_${place}`,
      createdAt: clock.now(),
      createdBy: 'system',
    }))
    const common = { organizationId, name: 'many', environment: 'live', scopes: [], audiences: [], roles: [] } as const
    for (let start = 0; start < rows.length; start += 500) {
      await services.db
        .insert(apiKeys)
        .values(
          rows.slice(start, start + 500).map((row) => ({ ...row, ...common, scopes: [], audiences: [], roles: [] })),
        )
    }
    const answer = await revokeApiKeys(services, admin, { organizationId }, because)
    expect(answer).toMatchObject({ apiKeys: 2500 })
    expect(answer.apiKeyIds).toHaveLength(100)
    const events = await eventsAbout(organizationId)
    expect(events.map(({ context }) => context.apiKeys)).toEqual([1000, 1000, 500])
    expect(JSON.stringify(events).length).toBeLessThan(20_000)
  })

  describe('the emergency of a whole organization', () => {
    test("revokes every token and every key except the caller's own; later keys work", async () => {
      const { organizationId, admin, caller } = await inOrganization()
      const keys = await Promise.all(Array.from({ length: 5 }, () => service.createKey({ organizationId })))
      const tokens = await Promise.all(
        [...keys, caller].map(async ({ secret }) => (await exchange(service, secret)).access_token),
      )
      expect(await revokeAllApiKeys(services, admin, organizationId, because)).toMatchObject({
        apiKeys: 5,
        spared: caller.id,
      })
      for (const token of tokens) expect(await outcome(verify, token)).toBe('invalid_token revoked')
      for (const { id } of keys) expect(await statusOf(id)).toBe('revoked')
      const [rule] = await services.db.select().from(revocations).where(eq(revocations.value, organizationId))
      expect(rule).toMatchObject({ kind: 'organization', issuedBefore: clock.now(), reason: 'leaked' })
      expect(await eventsAbout(organizationId)).toMatchObject([{ context: { apiKeys: 5, wholeOrganization: true } }])
      clock.advance(1)
      const fresh = await service.createKey({ organizationId })
      expect(await outcome(verify, (await exchange(service, fresh.secret)).access_token)).toBe('accepted')
    })

    test('is recorded even when there is no key to revoke', async () => {
      const organizationId = await service.createOrganization()
      expect(await revokeAllApiKeys(services, systemPrincipal, organizationId, because)).toMatchObject({
        apiKeys: 0,
        spared: null,
      })
      expect(await eventsAbout(organizationId)).toHaveLength(1)
    })

    test('spares root keys when the caller is an administrator of the organization', async () => {
      const { organizationId, admin } = await inOrganization()
      const root = await service.createKey({ organizationId, roles: ['root'] })
      await revokeAllApiKeys(services, admin, organizationId, because)
      expect(await statusOf(root.id)).toBe('usable')
    })

    test('leaves no usable token even while keys are being exchanged', async () => {
      const { organizationId, admin } = await inOrganization()
      const keys = await Promise.all(Array.from({ length: 10 }, () => service.createKey({ organizationId })))
      const issued: string[] = []
      let over = false
      const clients = keys.map(({ secret }) => {
        const ask = async () => {
          clock.advance(0.2) // the clock runs on while the emergency commits
          issued.push((await exchange(service, secret)).access_token)
        }
        const first = ask()
        const refused = first.then(async () => {
          while (!over) await ask()
        })
        return { first, refused: refused.catch(() => 'refused') }
      })
      await Promise.all(clients.map(({ first }) => first))
      await revokeAllApiKeys(services, admin, organizationId, because).finally(() => (over = true))
      await Promise.all(clients.map(({ refused }) => refused))
      expect(issued.length).toBeGreaterThanOrEqual(keys.length)
      for (const token of issued) expect(await outcome(verify, token)).toMatch(/^invalid_token (revoked|expired)$/)
    })

    test('of another organization looks like a missing one', async () => {
      const { admin } = await inOrganization()
      const foreign = await service.createOrganization()
      for (const id of [foreign, 'org_missing']) {
        await expect(revokeAllApiKeys(services, admin, id, because)).rejects.toMatchObject({ code: 'not_found' })
      }
    })
  })
})
