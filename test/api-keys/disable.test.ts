import { eq } from 'drizzle-orm'
import { describe, expect, test } from 'vitest'
import { systemPrincipal } from '../../src/access/principal.ts'
import { disableApiKey, enableApiKey, expireApiKey, tryDisablingApiKey } from '../../src/api-keys/disable.ts'
import { listApiKeys, showApiKey } from '../../src/api-keys/read.ts'
import { revocations } from '../../src/db/schema.ts'
import { eventsOf } from '../support/audit-trail.ts'
import { databaseKinds } from '../support/databases.ts'
import { exchange, tryExchange } from '../support/oauth-requests.ts'
import { principal } from '../support/principal.ts'
import { addRule } from '../support/revocation-rules.ts'
import { outcome } from '../support/test-issuer.ts'
import { startTestService } from '../support/test-service.ts'

describe.each(databaseKinds)('disabling and enabling an API key on %s', async (kind) => {
  const service = await startTestService(kind)
  const { services, clock } = service
  const own = await service.createOrganization('own')
  const other = await service.createOrganization('other')
  const admin = principal(own, ['admin'])
  const rulesAbout = async (value: string) =>
    await services.db.select().from(revocations).where(eq(revocations.value, value))
  const eventsAbout = async (subject: string) => (await eventsOf(services, { subject })).map(({ type }) => type)
  const verdict = (token: string) => outcome((text) => services.verifier.verify(text), token)
  const status = async (secret: string) => (await tryExchange(service, secret)).status

  test('a disabled key gets no tokens, and its existing tokens stop working at once', async () => {
    const { id, secret } = await service.createKey({ organizationId: own })
    const { access_token: token } = await exchange(service, secret)
    expect(await disableApiKey(services, admin, id)).toMatchObject({
      status: 'disabled',
      disabledAt: clock.now().toISOString(),
      revision: 2,
    })
    expect(await status(secret)).toBe(401)
    expect(await verdict(token)).toBe('invalid_token revoked')
    expect(await rulesAbout(id)).toEqual([
      expect.objectContaining({ issuedBefore: null, expiresAt: null, effectiveAt: null }),
    ])
    expect(await eventsAbout(id)).toEqual(['api_key.disabled'])
  })

  test('disabling twice, or many times at once, disables once', async () => {
    const { id } = await service.createKey({ organizationId: own })
    await Promise.all(Array.from({ length: 6 }, () => disableApiKey(services, admin, id)))
    const first = await showApiKey(services, admin, id)
    clock.advance(60)
    expect(await disableApiKey(services, admin, id)).toMatchObject({ disabledAt: first.disabledAt, revision: 2 })
    expect(await rulesAbout(id)).toHaveLength(1)
    expect(await eventsAbout(id)).toHaveLength(1)
  })

  test('an enabled key gets tokens again; earlier tokens stay revoked, later ones work', async () => {
    const { id, secret } = await service.createKey({ organizationId: own })
    const { access_token: before } = await exchange(service, secret)
    await disableApiKey(services, admin, id)
    clock.advance(100)
    const enabled = await enableApiKey(services, admin, id)
    expect(enabled).toMatchObject({ status: 'usable', disabledAt: null, revision: 3 })
    expect(enabled.tokensUsableFrom).toBe(new Date(clock.now().getTime() + 1000).toISOString())
    expect(await status(secret)).toBe(503)
    clock.advance(1)
    const { access_token: after } = await exchange(service, secret)
    expect([await verdict(before), await verdict(after)]).toEqual(['invalid_token revoked', 'accepted'])
    expect(await eventsAbout(id)).toEqual(['api_key.disabled', 'api_key.enabled'])
  })

  test('a token that a fast clock stamped before the key was disabled stays revoked after it is enabled', async () => {
    const { id } = await service.createKey({ organizationId: own })
    const disabledAt = clock.now()
    await disableApiKey(services, admin, id)
    clock.advance(5)
    const { tokensUsableFrom } = await enableApiKey(services, admin, id)
    const dead = new Date(disabledAt.getTime() + services.config.clockToleranceSeconds * 1000)
    expect((await rulesAbout(id))[0]?.issuedBefore).toEqual(dead)
    expect(tokensUsableFrom).toBe(new Date(dead.getTime() + 1000).toISOString())
  })

  test('enabling twice, or a key that was never disabled, changes nothing', async () => {
    const { id } = await service.createKey({ organizationId: own })
    expect(await enableApiKey(services, admin, id)).toMatchObject({
      status: 'usable',
      tokensUsableFrom: null,
      revision: 1,
    })
    expect(await eventsAbout(id)).toEqual([])
  })

  test('enabling does not lift other rules about the key', async () => {
    const { id, secret } = await service.createKey({ organizationId: own })
    const { access_token: token } = await exchange(service, secret)
    await addRule(services.db, clock.now(), { kind: 'api_key', value: id, expires: 'never' })
    clock.advance(1)
    await disableApiKey(services, admin, id)
    await enableApiKey(services, admin, id)
    clock.advance(60)
    expect(await verdict(token)).toBe('invalid_token revoked')
    expect(await status(secret)).toBe(401)
  })

  test('an expired key and its tokens stop working for good', async () => {
    const { id, secret } = await service.createKey({
      organizationId: own,
      expiresAt: new Date(clock.now().getTime() + 86_400_000),
    })
    const { access_token: token } = await exchange(service, secret)
    expect(await expireApiKey(services, admin, id)).toMatchObject({
      status: 'expired',
      expiresAt: clock.now().toISOString(),
    })
    expect(await status(secret)).toBe(401)
    expect(await verdict(token)).toBe('invalid_token revoked')
    for (const change of [disableApiKey, enableApiKey, expireApiKey]) {
      await expect(change(services, admin, id)).rejects.toMatchObject({ code: 'conflict' })
    }
    expect(await eventsAbout(id)).toEqual(['api_key.expired'])
  })

  test('a dry run says what would break, and breaks nothing', async () => {
    const { id, secret } = await service.createKey({ organizationId: own })
    await exchange(service, secret)
    await services.usage.flush()
    expect(await tryDisablingApiKey(services, admin, id)).toMatchObject({
      apiKeys: 1,
      apiKeysWithLiveTokens: 1,
      exchanges: 1,
    })
    expect(await showApiKey(services, admin, id)).toMatchObject({ status: 'usable', revision: 1 })
  })

  test.each([
    ['disabled', disableApiKey],
    ['enabled', enableApiKey],
    ['expired', expireApiKey],
    ['tried out', tryDisablingApiKey],
  ])("another organization's key cannot be %s and looks like a missing one", async (_, change) => {
    const { id } = await service.createKey({ organizationId: other })
    const [foreign, missing] = await Promise.all(
      [id, 'key_missing'].map((name) => change(services, admin, name).catch((error: unknown) => error)),
    )
    expect(foreign).toMatchObject({ code: 'not_found' })
    expect(foreign).toEqual(missing)
    expect(await showApiKey(services, systemPrincipal, id)).toMatchObject({ status: 'usable' })
  })

  test('an admin cannot disable a root key of the organization, and the last root key is not disabled by mistake', async () => {
    const { id } = await service.createKey({ organizationId: own, roles: ['root'] })
    for (const change of [disableApiKey, expireApiKey]) {
      await expect(change(services, admin, id)).rejects.toMatchObject({ code: 'permission_denied' })
    }
    const { items } = await listApiKeys(services, systemPrincipal, { limit: 200 })
    const others = items.filter(
      (apiKey) => apiKey.roles.includes('root') && apiKey.status === 'usable' && apiKey.id !== id,
    )
    for (const root of others) await disableApiKey(services, systemPrincipal, root.id, { force: true })
    await expect(disableApiKey(services, systemPrincipal, id)).rejects.toMatchObject({
      code: 'conflict',
      reason: 'last holder',
    })
    expect(await disableApiKey(services, systemPrincipal, id, { force: true })).toMatchObject({ status: 'disabled' })
  })

  test('nothing changes when the audit event cannot be written', async () => {
    const { id } = await service.createKey({ organizationId: own })
    const mute = { ...admin, clientId: '\0' }
    await expect(disableApiKey(services, mute, id)).rejects.toThrow()
    expect(await showApiKey(services, admin, id)).toMatchObject({ status: 'usable' })
    expect(await rulesAbout(id)).toEqual([])
  })
})
