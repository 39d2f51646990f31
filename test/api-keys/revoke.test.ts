import { eq } from 'drizzle-orm'
import { describe, expect, test } from 'vitest'
import { systemPrincipal } from '../../src/access/principal.ts'
import { showApiKey } from '../../src/api-keys/read.ts'
import { findLeakedApiKey, revokeApiKey, tryRevokingApiKey } from '../../src/api-keys/revoke.ts'
import { revocations } from '../../src/db/schema.ts'
import { eventsOf } from '../support/audit-trail.ts'
import { databaseKinds } from '../support/databases.ts'
import { exchange, tryExchange } from '../support/oauth-requests.ts'
import { principal } from '../support/principal.ts'
import { outcome } from '../support/test-issuer.ts'
import { startTestService } from '../support/test-service.ts'

describe.each(databaseKinds)('revoking an API key on %s', async (kind) => {
  const service = await startTestService(kind)
  const { services, clock } = service
  const own = await service.createOrganization('own')
  const other = await service.createOrganization('other')
  const admin = principal(own, ['admin'])
  const inSeconds = (seconds: number) => new Date(clock.now().getTime() + seconds * 1000)

  const eventsAbout = (subject: string) => eventsOf(services, { subject })
  const rulesAbout = async (value: string) =>
    await services.db.select().from(revocations).where(eq(revocations.value, value))

  test('marks the key, adds an open rule and writes the event, all with the same time', async () => {
    const { id } = await service.createKey({ organizationId: own })
    await revokeApiKey(services, admin, id, { reason: 'leaked', text: 'found in a repository' })
    expect(await showApiKey(services, admin, id)).toMatchObject({
      status: 'revoked',
      revokedAt: clock.now().toISOString(),
      revocationReason: 'leaked',
      revocationText: 'found in a repository',
    })
    const rules = await rulesAbout(id)
    expect(rules).toEqual([
      expect.objectContaining({
        kind: 'api_key',
        issuedBefore: null,
        effectiveAt: null,
        organizationId: own,
        reason: 'leaked',
        reasonText: 'found in a repository',
        actor: admin.clientId,
      }),
    ])
    expect(await eventsAbout(id)).toEqual([
      expect.objectContaining({
        type: 'api_key.revoked',
        reason: 'leaked',
        context: { revocationId: rules[0]?.id, effectiveAt: clock.now().toISOString(), text: 'found in a repository' },
      }),
    ])
  })

  test('twice keeps the first time and reason, and writes nothing again', async () => {
    const { id } = await service.createKey({ organizationId: own })
    await revokeApiKey(services, admin, id, { reason: 'rotated' })
    const first = await showApiKey(services, admin, id)
    clock.advance(60)
    await revokeApiKey(services, admin, id, { reason: 'leaked' })
    expect(await showApiKey(services, admin, id)).toEqual(first)
    expect(await rulesAbout(id)).toHaveLength(1)
    expect(await eventsAbout(id)).toHaveLength(1)
  })

  test('many times at once is one revocation', async () => {
    const { id } = await service.createKey({ organizationId: own })
    await Promise.all(Array.from({ length: 8 }, () => revokeApiKey(services, admin, id, { reason: 'leaked' })))
    expect(await rulesAbout(id)).toHaveLength(1)
    expect(await eventsAbout(id)).toHaveLength(1)
  })

  test('brings a planned revocation forward', async () => {
    const { id } = await service.createKey({
      organizationId: own,
      revokedAt: new Date(clock.now().getTime() + 3_600_000),
    })
    await revokeApiKey(services, admin, id, { reason: 'leaked' })
    expect(await showApiKey(services, admin, id)).toMatchObject({
      status: 'revoked',
      revokedAt: clock.now().toISOString(),
    })
  })

  test("of another organization's key looks like a missing key and changes nothing", async () => {
    const { id } = await service.createKey({ organizationId: other })
    const [foreign, missing] = await Promise.all(
      [id, 'key_missing'].map((name) =>
        revokeApiKey(services, admin, name, { reason: 'other' }).catch((error: unknown) => error),
      ),
    )
    expect(foreign).toMatchObject({ code: 'not_found' })
    expect(foreign).toEqual(missing)
    expect(await showApiKey(services, systemPrincipal, id)).toMatchObject({ status: 'usable' })
  })

  test('changes nothing when its audit event cannot be written', async () => {
    const { id } = await service.createKey({ organizationId: own })
    const mute = { ...admin, origin: { ...admin.origin, requestId: '\0' } }
    await expect(revokeApiKey(services, mute, id, { reason: 'other' })).rejects.toThrow()
    expect(await showApiKey(services, admin, id)).toMatchObject({ status: 'usable' })
    expect(await rulesAbout(id)).toEqual([])
  })

  describe('at a future time', () => {
    test('leaves the key working until then, and no token works longer', async () => {
      const { id, secret } = await service.createKey({ organizationId: own })
      const before = await exchange(service, secret)
      await revokeApiKey(services, admin, id, { reason: 'rotated', at: inSeconds(100) })
      expect(await showApiKey(services, admin, id)).toMatchObject({
        status: 'usable',
        revokedAt: inSeconds(100).toISOString(),
      })
      clock.advance(99)
      const { expires_in: left } = await exchange(service, secret)
      expect(left).toBeLessThanOrEqual(1)
      expect(await outcome((text) => services.verifier.verify(text), before.access_token)).toBe('accepted')
      clock.advance(1)
      await services.revocations.refresh()
      expect(await outcome((text) => services.verifier.verify(text), before.access_token)).toBe('invalid_token revoked')
      expect((await tryExchange(service, secret)).status).toBe(401)
      expect(await showApiKey(services, admin, id)).toMatchObject({ status: 'revoked' })
    })

    test('can be brought forward, but not postponed', async () => {
      const { id } = await service.createKey({ organizationId: own })
      const planned = inSeconds(100)
      await revokeApiKey(services, admin, id, { reason: 'rotated', at: planned })
      await revokeApiKey(services, admin, id, { reason: 'leaked', at: planned })
      expect(await rulesAbout(id)).toHaveLength(1)
      await expect(revokeApiKey(services, admin, id, { reason: 'rotated', at: inSeconds(200) })).rejects.toMatchObject({
        code: 'conflict',
        detail: `The key will be revoked earlier, at ${planned.toISOString()}. A revocation can be brought forward, but not postponed.`,
      })
      const sooner = inSeconds(50)
      await revokeApiKey(services, admin, id, { reason: 'leaked', at: sooner })
      expect(await showApiKey(services, admin, id)).toMatchObject({
        revokedAt: sooner.toISOString(),
        revocationReason: 'leaked',
      })
      expect((await rulesAbout(id)).map(({ effectiveAt }) => effectiveAt)).toEqual([planned, sooner])
    })

    test('in the past is refused', async () => {
      const { id } = await service.createKey({ organizationId: own })
      await expect(revokeApiKey(services, admin, id, { reason: 'other', at: inSeconds(-1) })).rejects.toMatchObject({
        code: 'invalid_request',
      })
    })
  })

  test('in a dry run reports the usage, and writes nothing', async () => {
    const { id, secret } = await service.createKey({ organizationId: own })
    await service.request('/token', { method: 'POST', headers: { 'X-API-Key': secret, 'User-Agent': 'shop/1' } })
    await services.usage.flush()
    expect(await tryRevokingApiKey(services, admin, id)).toMatchObject({
      apiKeys: 1,
      apiKeysWithLiveTokens: 1,
      lastUses: [{ apiKeyId: id, exchanges: 1, agents: ['shop/1'] }],
    })
    expect(await showApiKey(services, admin, id)).toMatchObject({ status: 'usable', revokedAt: null })
    expect(await rulesAbout(id)).toEqual([])
    expect(await eventsAbout(id)).toEqual([])
    const foreign = await service.createKey({ organizationId: other })
    await expect(tryRevokingApiKey(services, admin, foreign.id)).rejects.toMatchObject({ code: 'not_found' })
  })

  test('with the role root is refused to an administrator of its organization', async () => {
    const { id } = await service.createKey({ organizationId: own, roles: ['root'] })
    const meant = { reason: 'other', force: true } as const
    await expect(revokeApiKey(services, admin, id, meant)).rejects.toMatchObject({ code: 'permission_denied' })
    await revokeApiKey(services, systemPrincipal, id, meant)
  })

  test("A48 starts by finding the key of a leaked secret, live or dead, only in the caller's organization", async () => {
    const { id, secret } = await service.createKey({ organizationId: own })
    const sha256 = await services.platform.sha256(secret)
    expect(await findLeakedApiKey(services, admin, { sha256 })).toBe(id)
    await revokeApiKey(services, admin, id, { reason: 'leaked' })
    expect(await findLeakedApiKey(services, admin, { sha256, blake3: 'A'.repeat(43) })).toBe(id)
    const unknown = findLeakedApiKey(services, admin, { sha256: 'A'.repeat(43) }).catch((error: unknown) => error)
    const foreign = findLeakedApiKey(services, principal(other, ['admin']), { sha256 }).catch((error: unknown) => error)
    expect(await foreign).toMatchObject({ code: 'not_found' })
    expect(await foreign).toEqual(await unknown)
  })
})
