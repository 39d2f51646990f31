import { eq } from 'drizzle-orm'
import { describe, expect, test } from 'vitest'
import { systemPrincipal } from '../../src/access/principal.ts'
import { createApiKey } from '../../src/api-keys/create.ts'
import { showApiKey } from '../../src/api-keys/read.ts'
import { rotateApiKey, rotateOwnApiKey } from '../../src/api-keys/rotate.ts'
import { endApiKeyVersion, listApiKeyVersions } from '../../src/api-keys/versions.ts'
import { apiKeyVersions, organizations, revocations } from '../../src/db/schema.ts'
import { eventsOf } from '../support/audit-trail.ts'
import { databaseKinds } from '../support/databases.ts'
import { exchange, partsOf, tryExchange } from '../support/oauth-requests.ts'
import { principal } from '../support/principal.ts'
import { outcome } from '../support/test-issuer.ts'
import { startTestService } from '../support/test-service.ts'

describe.each(databaseKinds)('rotating an API key on %s', async (kind) => {
  const service = await startTestService(kind)
  const { services, clock } = service
  const own = await service.createOrganization('own')
  const other = await service.createOrganization('other')
  const admin = principal(own, ['admin'], { scopes: ['orders:*'] })
  const input = { name: 'orders', environment: 'live', scopes: ['orders:read'] } as const
  const verdict = (token: string) => outcome((text) => services.verifier.verify(text), token)
  const status = async (secret: string) => (await tryExchange(service, secret)).status
  const tokenOf = async (secret: string) => (await exchange(service, secret)).access_token
  const inSeconds = (seconds: number) => new Date(clock.now().getTime() + seconds * 1000)
  const eventsAbout = (subject: string) => eventsOf(services, { subject })

  test('both versions work until the overlap ends, to the second, and then only the new one', async () => {
    const { apiKey, secret: former } = await createApiKey(services, admin, input)
    const rotated = await rotateApiKey(services, admin, apiKey.id, { overlapSeconds: 3600 })
    expect(rotated).toMatchObject({
      apiKey: { ...apiKey, version: 2, hint: rotated.apiKey.hint, revision: 2 },
      formerVersion: { version: 1, endsAt: inSeconds(3600).toISOString() },
    })
    clock.advance(3599)
    expect([await status(former), await status(rotated.secret)]).toEqual([200, 200])
    const [old, fresh] = [await tokenOf(former), await tokenOf(rotated.secret)]
    expect([partsOf(old).claims.key_version, partsOf(fresh).claims.key_version]).toEqual([1, 2])
    expect(partsOf(old).claims.exp).toBe(Math.floor(clock.now().getTime() / 1000) + 1)
    clock.advance(1)
    expect([await status(former), await status(rotated.secret)]).toEqual([401, 200])
    await services.revocations.refresh()
    expect([await verdict(old), await verdict(fresh)]).toEqual([expect.stringMatching(/^invalid_token /), 'accepted'])
  })

  test('a token from before the rotation does not outlive its version', async () => {
    const { apiKey, secret } = await createApiKey(services, admin, input)
    const token = await tokenOf(secret)
    await rotateApiKey(services, admin, apiKey.id, { overlapSeconds: 60 })
    clock.advance(59)
    await services.revocations.refresh()
    expect(await verdict(token)).toBe('accepted')
    clock.advance(1)
    expect(await verdict(token)).toBe('invalid_token revoked')
  })

  test('without an overlap the previous secret and its tokens stop working at once, and the new one works', async () => {
    const { apiKey, secret } = await createApiKey(services, admin, input)
    const token = await tokenOf(secret)
    const rotated = await rotateApiKey(services, admin, apiKey.id, { overlapSeconds: 0 })
    expect([await status(secret), await verdict(token)]).toEqual([401, 'invalid_token revoked'])
    expect(await verdict(await tokenOf(rotated.secret))).toBe('accepted')
  })

  test('a version never outlives its key', async () => {
    const { apiKey } = await createApiKey(services, admin, { ...input, expiresAt: inSeconds(100) })
    const { formerVersion } = await rotateApiKey(services, admin, apiKey.id, { overlapSeconds: 3600 })
    expect(formerVersion.endsAt).toBe(apiKey.expiresAt)
  })

  test('absent settings stay and given ones are replaced, in all versions', async () => {
    const { apiKey, secret } = await createApiKey(services, admin, {
      ...input,
      subject: 'robot',
      customClaims: { plan: 'gold' },
    })
    const rotated = await rotateApiKey(services, admin, apiKey.id, {
      overlapSeconds: 60,
      change: { scopes: ['orders:write'], name: 'new' },
    })
    expect(rotated.apiKey).toMatchObject({
      name: 'new',
      scopes: ['orders:write'],
      subject: 'robot',
      customClaims: { plan: 'gold' },
    })
    for (const shown of [secret, rotated.secret]) {
      expect(partsOf(await tokenOf(shown)).claims).toMatchObject({ scope: 'orders:write', sub: 'robot', plan: 'gold' })
    }
  })

  test('the audit trail records the version, the end of the previous one and the changes, but never a secret', async () => {
    const { apiKey } = await createApiKey(services, admin, input)
    const { secret } = await rotateApiKey(services, admin, apiKey.id, { overlapSeconds: 60, change: { name: 'new' } })
    const [, event] = await eventsAbout(apiKey.id)
    expect(event).toMatchObject({
      type: 'api_key.rotated',
      context: {
        version: 2,
        former: 1,
        formerEndsAt: inSeconds(60).toISOString(),
        changes: { name: { from: 'orders', to: 'new' } },
      },
    })
    const stored = await services.db.select().from(apiKeyVersions).where(eq(apiKeyVersions.apiKeyId, apiKey.id))
    expect(JSON.stringify([event, stored, service.logged])).not.toContain(secret.slice(8, 30))
  })

  test('a second rotation ends the version before last at once: three secrets never work', async () => {
    const { apiKey, secret: first } = await createApiKey(services, admin, input)
    const { secret: second } = await rotateApiKey(services, admin, apiKey.id, { overlapSeconds: 3600 })
    const [ofFirst, ofSecond] = [await tokenOf(first), await tokenOf(second)]
    const { secret: third } = await rotateApiKey(services, admin, apiKey.id, { overlapSeconds: 3600 })
    expect([await status(first), await status(second), await status(third)]).toEqual([401, 200, 200])
    expect([await verdict(ofFirst), await verdict(ofSecond)]).toEqual(['invalid_token revoked', 'accepted'])
  })

  test("the overlap defaults to the plan's and never exceeds its maximum", async () => {
    const { apiKey } = await createApiKey(services, admin, input)
    const { formerVersion } = await rotateApiKey(services, admin, apiKey.id, {})
    expect(formerVersion.endsAt).toBe(inSeconds(86400).toISOString())
    await expect(rotateApiKey(services, admin, apiKey.id, { overlapSeconds: 31 * 86400 })).rejects.toMatchObject({
      code: 'invalid_request',
      extensions: { maxOverlapSeconds: 30 * 86400 },
    })
  })

  test('many rotations at once create as many versions, and two of them work', async () => {
    const { apiKey, secret } = await createApiKey(services, admin, input)
    const rotations = await Promise.all(
      Array.from({ length: 6 }, () => rotateApiKey(services, admin, apiKey.id, { overlapSeconds: 60 })),
    )
    const { items } = await listApiKeyVersions(services, admin, apiKey.id, { limit: 50 })
    expect(items.map(({ version, state }) => [version, state])).toEqual([
      [7, 'newest'],
      [6, 'overlapping'],
      ...[5, 4, 3, 2, 1].map((version) => [version, 'ended']),
    ])
    const statuses = await Promise.all([secret, ...rotations.map((rotated) => rotated.secret)].map(status))
    expect(statuses.filter((code) => code === 200)).toHaveLength(2)
  })

  test('a disabled key may get a new secret, and stays disabled', async () => {
    const { id } = await service.createKey({ organizationId: own, disabledAt: clock.now() })
    const { secret, apiKey } = await rotateApiKey(services, admin, id, { overlapSeconds: 0 })
    expect([apiKey.status, await status(secret)]).toEqual(['disabled', 401])
  })

  describe('ending an overlap early', () => {
    test('ends that version and all before it with their tokens, but not the newest', async () => {
      const { apiKey, secret } = await createApiKey(services, admin, input)
      const { secret: fresh } = await rotateApiKey(services, admin, apiKey.id, { overlapSeconds: 3600 })
      const [old, new_] = [await tokenOf(secret), await tokenOf(fresh)]
      expect(await endApiKeyVersion(services, admin, apiKey.id, 1)).toMatchObject({
        version: 2,
        status: 'usable',
        revision: 3,
      })
      expect([await status(secret), await status(fresh)]).toEqual([401, 200])
      expect([await verdict(old), await verdict(new_)]).toEqual(['invalid_token revoked', 'accepted'])
      const rules = await services.db.select().from(revocations).where(eq(revocations.value, apiKey.id))
      expect(rules.every(({ maxVersion }) => maxVersion === 1)).toBe(true)
      const events = (await eventsAbout(apiKey.id)).map(({ type }) => type)
      await endApiKeyVersion(services, admin, apiKey.id, 1)
      expect((await eventsAbout(apiKey.id)).map(({ type }) => type)).toEqual(events)
      expect(events.at(-1)).toBe('api_key.version_ended')
    })

    test('is refused for the newest version and for a missing one', async () => {
      const { apiKey } = await createApiKey(services, admin, input)
      await expect(endApiKeyVersion(services, admin, apiKey.id, 1)).rejects.toMatchObject({ code: 'conflict' })
      for (const version of [0, 2, 1e9]) {
        await expect(endApiKeyVersion(services, admin, apiKey.id, version)).rejects.toMatchObject({ code: 'not_found' })
      }
    })
  })

  test('the versions show who still uses the old one', async () => {
    const { apiKey, secret } = await createApiKey(services, admin, input)
    await service.request('/token', { method: 'POST', headers: { 'X-API-Key': secret, 'User-Agent': 'old-worker/1' } })
    const { secret: fresh } = await rotateApiKey(services, admin, apiKey.id, { overlapSeconds: 3600 })
    await service.request('/token', { method: 'POST', headers: { 'X-API-Key': fresh, 'User-Agent': 'new-worker/2' } })
    await services.usage.flush()
    const { items, nextCursor } = await listApiKeyVersions(services, admin, apiKey.id, { limit: 1 })
    expect(items).toMatchObject([{ version: 2, state: 'newest', endsAt: null, exchanges: 1, agents: ['new-worker/2'] }])
    const older = await listApiKeyVersions(services, admin, apiKey.id, { limit: 1, cursor: nextCursor ?? '' })
    expect(older).toMatchObject({
      items: [
        {
          version: 1,
          state: 'overlapping',
          exchanges: 1,
          agents: ['old-worker/1'],
          lastUsedAt: clock.now().toISOString(),
        },
      ],
      nextCursor: null,
    })
    await expect(listApiKeyVersions(services, admin, apiKey.id, { limit: 1, cursor: 'x' })).rejects.toMatchObject({
      code: 'invalid_request',
    })
  })

  describe('is refused', () => {
    test('alike for a key out of reach and a missing one', async () => {
      const { id } = await service.createKey({ organizationId: other })
      const calls = [
        (name: string) => rotateApiKey(services, admin, name, {}),
        (name: string) => endApiKeyVersion(services, admin, name, 1),
        (name: string) => listApiKeyVersions(services, admin, name, { limit: 1 }),
      ]
      for (const call of calls) {
        const [foreign, missing] = await Promise.all(
          [id, 'key_missing'].map((name) => call(name).catch((error: unknown) => error)),
        )
        expect(foreign).toMatchObject({ code: 'not_found' })
        expect(foreign).toEqual(missing)
      }
    })

    test('for a key that holds more than the caller, whose secret it would see', async () => {
      for (const more of [
        { scopes: ['people:read'] },
        { audiences: ['https://elsewhere.example'] },
        { roles: ['root'] },
      ]) {
        const { id } = await service.createKey({ organizationId: own, ...more })
        await expect(rotateApiKey(services, admin, id, {})).rejects.toMatchObject({ code: 'permission_denied' })
        expect(await showApiKey(services, systemPrincipal, id)).toMatchObject({ version: 1 })
      }
    })

    test('for a dead key', async () => {
      for (const dead of [{ revokedAt: clock.now() }, { expiresAt: clock.now() }]) {
        const { id } = await service.createKey({ organizationId: own, ...dead })
        await expect(rotateApiKey(services, admin, id, {})).rejects.toMatchObject({ code: 'conflict' })
      }
    })

    test('by a lifetime policy that the key breaks, if the rotation widens it as well', async () => {
      const organizationId = await service.createOrganization('strict')
      const { apiKey } = await createApiKey(services, systemPrincipal, { ...input, organizationId })
      await services.db
        .update(organizations)
        .set({ maxKeyLifetimeSeconds: 3600 })
        .where(eq(organizations.id, organizationId))
      const holder = principal(organizationId, [], { clientId: apiKey.id, apiKeyVersion: 1 })
      const refused = { code: 'lifetime_not_allowed', detail: expect.stringContaining('must expire within 3600 s') }
      const wider = { scopes: [...apiKey.scopes, 'more'] }
      await expect(rotateApiKey(services, systemPrincipal, apiKey.id, { change: wider })).rejects.toMatchObject(refused)
      expect(await rotateOwnApiKey(services, holder, {})).toMatchObject({ apiKey: { version: 2 } })
      expect(await rotateApiKey(services, systemPrincipal, apiKey.id, {})).toMatchObject({ apiKey: { version: 3 } })
      const change = { ...wider, expiresAt: inSeconds(3600) }
      expect(await rotateApiKey(services, systemPrincipal, apiKey.id, { change })).toMatchObject({
        apiKey: { version: 4 },
      })
    })

    test('when its audit event cannot be written: the previous secret keeps working', async () => {
      const { apiKey, secret } = await createApiKey(services, admin, input)
      const mute = { ...admin, origin: { ...admin.origin, requestId: '\0' } }
      await expect(rotateApiKey(services, mute, apiKey.id, { overlapSeconds: 0 })).rejects.toThrow()
      expect([await status(secret), (await showApiKey(services, admin, apiKey.id)).version]).toEqual([200, 1])
    })
  })

  test('a key may rotate itself without any role, but only by its newest secret', async () => {
    const { apiKey } = await createApiKey(services, admin, input)
    const holder = principal(own, [], { clientId: apiKey.id, apiKeyVersion: 1 })
    expect(await rotateOwnApiKey(services, holder, { overlapSeconds: 60 })).toMatchObject({
      apiKey: { id: apiKey.id, version: 2 },
    })
    const byToken = principal(own, ['admin'], { clientId: apiKey.id })
    for (const other of [holder, byToken]) {
      await expect(rotateOwnApiKey(services, other, {})).rejects.toMatchObject({ code: 'permission_denied' })
    }
    await expect(rotateApiKey(services, holder, apiKey.id, {})).rejects.toMatchObject({ code: 'permission_denied' })
  })
})
