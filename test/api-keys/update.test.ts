import { eq } from 'drizzle-orm'
import { describe, expect, test } from 'vitest'
import { systemPrincipal } from '../../src/access/principal.ts'
import { createApiKey } from '../../src/api-keys/create.ts'
import { showApiKey } from '../../src/api-keys/read.ts'
import type { ApiKeyChange } from '../../src/api-keys/settings.ts'
import { updateApiKey } from '../../src/api-keys/update.ts'
import { organizations } from '../../src/db/schema.ts'
import { eventsOf } from '../support/audit-trail.ts'
import { databaseKinds } from '../support/databases.ts'
import { exchange, partsOf } from '../support/oauth-requests.ts'
import { principal } from '../support/principal.ts'
import { outcome } from '../support/test-issuer.ts'
import { startTestService } from '../support/test-service.ts'

/** What the answer says of earlier tokens when the change took nothing away from them. */
const noTokens = { widerTokensUntil: null, tokensUsableFrom: null }

describe.each(databaseKinds)('updating an API key on %s', async (kind) => {
  const service = await startTestService(kind)
  const { services, clock } = service
  const own = await service.createOrganization('own')
  const other = await service.createOrganization('other')
  const admin = principal(own, ['admin'], { scopes: ['orders:*'] })
  const input = { name: 'orders', environment: 'live', scopes: ['orders:read'] } as const
  const inSeconds = (seconds: number) => new Date(clock.now().getTime() + seconds * 1000)
  const eventsAbout = (subject: string) => eventsOf(services, { subject, type: 'api_key.updated' })

  test('changes the given settings, keeps the rest, and records previous and new values', async () => {
    const { apiKey } = await createApiKey(services, admin, { ...input, description: 'before', labels: ['a'] })
    const updated = await updateApiKey(services, admin, apiKey.id, {
      description: 'after',
      allowedCidrs: ['10.0.0.0/8'],
      labels: [],
    })
    const changed = { ...apiKey, description: 'after', allowedCidrs: ['10.0.0.0/8'], labels: [], revision: 2 }
    expect(updated).toEqual({ ...changed, ...noTokens })
    expect(await showApiKey(services, admin, apiKey.id)).toMatchObject(changed)
    expect(await eventsAbout(apiKey.id)).toEqual([
      expect.objectContaining({
        actor: admin.clientId,
        context: {
          changes: {
            description: { from: 'before', to: 'after' },
            allowedCidrs: { from: [], to: ['10.0.0.0/8'] },
            labels: { from: ['a'], to: [] },
          },
        },
      }),
    ])
  })

  test('null removes an optional setting', async () => {
    const whole = {
      subject: 'robot',
      customClaims: { plan: 'gold' },
      requestsPerMinute: 5,
      rotateEverySeconds: 86400,
      expiresAt: inSeconds(60),
    }
    const { apiKey } = await createApiKey(services, admin, { ...input, ...whole })
    const nothing = {
      subject: null,
      customClaims: null,
      requestsPerMinute: null,
      rotateEverySeconds: null,
      expiresAt: null,
    }
    expect(await updateApiKey(services, admin, apiKey.id, nothing)).toEqual({
      ...apiKey,
      ...nothing,
      rotationDueAt: null,
      revision: 2,
      widerTokensUntil: whole.expiresAt.toISOString(),
      tokensUsableFrom: null,
    })
  })

  test('without a difference changes nothing and writes nothing', async () => {
    const { apiKey } = await createApiKey(services, admin, input)
    expect(await updateApiKey(services, admin, apiKey.id, { name: 'orders', scopes: ['orders:read'] })).toEqual({
      ...apiKey,
      ...noTokens,
    })
    expect(await updateApiKey(services, admin, apiKey.id, {})).toEqual({ ...apiKey, ...noTokens })
    expect(await eventsAbout(apiKey.id)).toEqual([])
  })

  test('does not overwrite a change that another caller made meanwhile', async () => {
    const { apiKey } = await createApiKey(services, admin, input)
    await updateApiKey(services, { ...admin, expectedRevision: 1 }, apiKey.id, { name: 'first' })
    await expect(
      updateApiKey(services, { ...admin, expectedRevision: 1 }, apiKey.id, { name: 'second' }),
    ).rejects.toMatchObject({
      code: 'precondition_failed',
    })
    expect(await showApiKey(services, admin, apiKey.id)).toMatchObject({ name: 'first', revision: 2 })
  })

  test('makes exactly one of many changes of the same revision', async () => {
    const { apiKey } = await createApiKey(services, admin, input)
    const changes = Array.from({ length: 8 }, (_, count) =>
      updateApiKey(services, { ...admin, expectedRevision: 1 }, apiKey.id, { name: `name ${count}` }),
    )
    const settled = await Promise.allSettled(changes)
    expect(settled.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    expect(await showApiKey(services, admin, apiKey.id)).toMatchObject({ revision: 2 })
    expect(await eventsAbout(apiKey.id)).toHaveLength(1)
  })

  test("tokens carry the key's claims and subject, and cannot pose as the service", async () => {
    const { apiKey, secret } = await createApiKey(services, admin, {
      ...input,
      customClaims: { plan: 'gold', nested: { a: [1] } },
    })
    expect(partsOf((await exchange(service, secret)).access_token).claims).toMatchObject({
      plan: 'gold',
      nested: { a: [1] },
      org_id: own,
    })
    await updateApiKey(services, admin, apiKey.id, { customClaims: { plan: 'free' }, subject: 'robot' })
    const { claims } = partsOf((await exchange(service, secret)).access_token)
    expect(claims).toMatchObject({ plan: 'free', sub: 'robot' })
    expect(claims).not.toHaveProperty('nested')
    await expect(updateApiKey(services, admin, apiKey.id, { customClaims: { org_id: other } })).rejects.toMatchObject({
      code: 'invalid_request',
    })
  })

  test('earlier tokens end exactly at an expiry that is brought forward', async () => {
    const { apiKey, secret } = await createApiKey(services, admin, input)
    const { access_token: token } = await exchange(service, secret)
    const verify = (text: string) => services.verifier.verify(text)
    await updateApiKey(services, admin, apiKey.id, { expiresAt: inSeconds(10) })
    clock.advance(9)
    await services.revocations.refresh()
    expect(await outcome(verify, token)).toBe('accepted')
    clock.advance(1)
    expect(await outcome(verify, token)).toBe('invalid_token revoked')
    expect(await showApiKey(services, admin, apiKey.id)).toMatchObject({ status: 'expired' })
  })

  test('after an expiry is postponed again, new tokens outlive the previous end', async () => {
    const { apiKey, secret } = await createApiKey(services, admin, input)
    await updateApiKey(services, admin, apiKey.id, { expiresAt: inSeconds(120) })
    clock.advance(90)
    await updateApiKey(services, admin, apiKey.id, { expiresAt: null })
    const { access_token: token } = await exchange(service, secret)
    clock.advance(60)
    await services.revocations.refresh()
    expect(await outcome((text) => services.verifier.verify(text), token)).toBe('accepted')
  })

  describe('is refused', () => {
    test('alike for a key out of reach and a missing one', async () => {
      const { id } = await service.createKey({ organizationId: other })
      const refusals = [id, 'key_missing'].map((name) =>
        updateApiKey(services, admin, name, { name: 'x' }).catch((error: unknown) => error),
      )
      const [foreign, missing] = await Promise.all(refusals)
      expect(foreign).toMatchObject({ code: 'not_found' })
      expect(foreign).toEqual(missing)
    })

    test.each<[string, ApiKeyChange]>([
      ['more scopes than the caller holds', { scopes: ['orders:read', 'people:read'] }],
      ['an audience that the caller does not hold', { audiences: ['https://elsewhere.example'] }],
      ['a role above the caller', { roles: ['root'] }],
    ])('with %s', async (_, change) => {
      const { apiKey } = await createApiKey(services, admin, input)
      await expect(updateApiKey(services, admin, apiKey.id, change)).rejects.toMatchObject({
        code: 'permission_denied',
      })
    })

    test('for a key with a role above the caller, whatever is changed', async () => {
      const { id } = await service.createKey({ organizationId: own, roles: ['root'] })
      for (const change of [{ name: 'mine' }, { roles: [] }, { deniedCidrs: ['0.0.0.0/0'] }]) {
        await expect(updateApiKey(services, admin, id, change)).rejects.toMatchObject({ code: 'permission_denied' })
      }
    })

    test('for a key with more scopes than the caller, only if it is widened', async () => {
      const { id } = await service.createKey({ organizationId: own, scopes: ['people:read'] })
      expect(await updateApiKey(services, admin, id, { name: 'renamed' })).toMatchObject({ name: 'renamed' })
      await expect(updateApiKey(services, admin, id, { scopes: ['people:read', 'orders:read'] })).rejects.toMatchObject(
        {
          code: 'permission_denied',
        },
      )
    })

    test('for a dead key', async () => {
      const revoked = await service.createKey({ organizationId: own, revokedAt: clock.now() })
      const expired = await service.createKey({ organizationId: own, expiresAt: clock.now() })
      for (const { id } of [revoked, expired]) {
        await expect(updateApiKey(services, admin, id, { expiresAt: inSeconds(60) })).rejects.toMatchObject({
          code: 'conflict',
        })
      }
    })

    test('for an expiry in the past, an invalid range, and an algorithm without a signing key', async () => {
      const { apiKey } = await createApiKey(services, admin, input)
      const refused = [
        [{ expiresAt: clock.now() }, 'invalid_request'],
        [{ allowedCidrs: ['everywhere'] }, 'invalid_request'],
        [{ tokenAlgorithm: 'PS256' }, 'conflict'],
        [{ serviceAccountId: 'svc_missing' }, 'not_found'],
      ] as const
      for (const [change, code] of refused)
        await expect(updateApiKey(services, admin, apiKey.id, change)).rejects.toMatchObject({ code })
    })
  })

  test('a change that prolongs or widens must meet the lifetime policy, which names the latest allowed time', async () => {
    const organizationId = await service.createOrganization('strict')
    const { apiKey } = await createApiKey(services, systemPrincipal, { ...input, organizationId })
    await services.db
      .update(organizations)
      .set({ maxKeyLifetimeSeconds: 3600 })
      .where(eq(organizations.id, organizationId))
    const refused = { code: 'lifetime_not_allowed', extensions: { latest: inSeconds(3600).toISOString() } }
    const wider = { scopes: [...apiKey.scopes, 'more'] }
    await expect(updateApiKey(services, systemPrincipal, apiKey.id, wider)).rejects.toMatchObject(refused)
    await expect(createApiKey(services, systemPrincipal, { ...input, organizationId })).rejects.toMatchObject(refused)
    expect(
      await updateApiKey(services, systemPrincipal, apiKey.id, { name: 'x', expiresAt: inSeconds(3600) }),
    ).toMatchObject({ name: 'x' })
    await expect(
      updateApiKey(services, systemPrincipal, apiKey.id, { expiresAt: inSeconds(3601) }),
    ).rejects.toMatchObject(refused)
  })
})
