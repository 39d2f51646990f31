import { describe, expect, test } from 'vitest'
import {
  cancelOwnRotation,
  cancelRotation,
  tryCancellingOwnRotation,
  tryCancellingRotation,
} from '../../src/api-keys/cancel-rotation.ts'
import { createApiKey } from '../../src/api-keys/create.ts'
import { disableApiKey } from '../../src/api-keys/disable.ts'
import { showApiKey } from '../../src/api-keys/read.ts'
import { revokeApiKey } from '../../src/api-keys/revoke.ts'
import { endApiKeyVersion } from '../../src/api-keys/versions.ts'
import { databaseKinds } from '../support/databases.ts'
import { principal } from '../support/principal.ts'
import { revoked, startWithRotatedKeys } from '../support/rotated-keys.ts'

describe.each(databaseKinds)('what taking a rotation back refuses, and tells before, on %s', async (kind) => {
  const { service, services, clock, organizationId, admin, input, ...keys } = await startWithRotatedKeys(kind)
  const { rotated, rotatedItself, status, verdict, inSeconds } = keys
  const other = await service.createOrganization('other')
  const conflict = (detail: RegExp) => ({ code: 'conflict', detail: expect.stringMatching(detail) })

  describe('a dry run', () => {
    test('shows who uses the version that ends, and changes nothing', async () => {
      const { id, first, second } = await rotated()
      await service.request('/token', {
        method: 'POST',
        headers: { 'X-API-Key': second, 'User-Agent': 'new-worker/2' },
      })
      await services.usage.flush()
      expect(await tryCancellingRotation(services, admin, id)).toMatchObject({
        cancelledVersion: 2,
        newestVersion: { version: 1, endsAt: null },
        apiKeysWithLiveTokens: 1,
        lastUses: [{ version: 2, agents: ['new-worker/2'] }],
        endsCaller: false,
      })
      expect([await status(first), await status(second)]).toEqual([200, 200])
      expect(await showApiKey(services, admin, id)).toMatchObject({ version: 2, revision: 2 })
    })

    test('says when it ends the secret that the caller uses', async () => {
      const { id } = await rotated()
      const ends = async (clientId: string) =>
        (await tryCancellingRotation(services, { ...admin, clientId, apiKeyVersion: 2 }, id)).endsCaller
      expect([await ends(id), await ends('key_other')]).toEqual([true, false])
    })
  })

  describe('by the key itself', () => {
    const holder = (id: string, apiKeyVersion?: number) =>
      principal(organizationId, [], { clientId: id, ...(apiKeyVersion && { apiKeyVersion }) })

    test('needs no role, but the newest secret, which ends', async () => {
      const { id, first, second } = await rotatedItself()
      for (const actor of [holder(id, 1), holder(id)]) {
        for (const call of [cancelOwnRotation, tryCancellingOwnRotation])
          await expect(call(services, actor)).rejects.toMatchObject({ code: 'permission_denied' })
      }
      expect(await tryCancellingOwnRotation(services, holder(id, 2))).toMatchObject({ endsCaller: true })
      expect(await status(second)).toBe(200)
      expect(await cancelOwnRotation(services, holder(id, 2))).toMatchObject({ newestVersion: { version: 1 } })
      expect([await status(first), await status(second)]).toEqual([200, 401])
    })

    test('is refused to a secret whose rotation was cancelled meanwhile', async () => {
      const { id } = await rotatedItself()
      await cancelRotation(services, admin, id)
      await expect(cancelOwnRotation(services, holder(id, 2))).rejects.toMatchObject({ code: 'permission_denied' })
    })
  })

  describe('is refused', () => {
    test('without a rotation, without or after its overlap, and a second time', async () => {
      const { apiKey } = await createApiKey(services, admin, input)
      const never = conflict(/^No earlier version of this key works\. .* Rotate the key again instead\.$/)
      await expect(cancelRotation(services, admin, apiKey.id)).rejects.toMatchObject(never)
      const ended = conflict(/^The overlap has ended: version 1 stopped working at /)
      const [none, over, early, twice] = [await rotated(0), await rotated(60), await rotated(), await rotated()]
      await endApiKeyVersion(services, admin, early.id, 1)
      await cancelRotation(services, admin, twice.id)
      clock.advance(60)
      for (const { id, second } of [none, over, early]) {
        for (const call of [cancelRotation, tryCancellingRotation])
          await expect(call(services, admin, id)).rejects.toMatchObject(ended)
        expect(await status(second)).toBe(200)
      }
      await expect(cancelRotation(services, admin, twice.id)).rejects.toMatchObject(never)
      expect(await status(twice.first)).toBe(200)
    })

    test('for a dead key; a disabled one stays disabled, and a planned revocation stays planned', async () => {
      const [dead, disabled, planned] = [await rotated(), await rotated(), await rotated()]
      const at = inSeconds(120)
      await revokeApiKey(services, admin, dead.id, { reason: 'other' })
      await disableApiKey(services, admin, disabled.id)
      await revokeApiKey(services, admin, planned.id, { reason: 'other', at })
      await expect(cancelRotation(services, admin, dead.id)).rejects.toMatchObject(conflict(/^The API key is revoked/))
      expect(await cancelRotation(services, admin, disabled.id)).toMatchObject({ apiKey: { status: 'disabled' } })
      expect([await status(disabled.first), await verdict(disabled.early)]).toEqual([401, revoked])
      await cancelRotation(services, admin, planned.id)
      expect(await verdict(planned.early)).toBe('accepted')
      clock.set(at)
      expect([await status(planned.first), await verdict(planned.early)]).toEqual([401, revoked])
    })

    test('alike for a key out of reach and a missing one', async () => {
      const { id } = await service.createKey({ organizationId: other, rotated: true })
      const [foreign, missing] = await Promise.all(
        [id, 'key_missing'].map((name) => cancelRotation(services, admin, name).catch((error: unknown) => error)),
      )
      expect(foreign).toMatchObject({ code: 'not_found' })
      expect(foreign).toEqual(missing)
    })

    test('for a key that holds more than the caller, whose previous secret would live longer', async () => {
      for (const more of [{ scopes: ['people:read'] }, { roles: ['root'] }]) {
        const { id, secret } = await service.createKey({ organizationId, rotated: true, ...more })
        for (const call of [cancelRotation, tryCancellingRotation])
          await expect(call(services, admin, id)).rejects.toMatchObject({ code: 'permission_denied' })
        expect(await status(secret)).toBe(200)
      }
    })

    test('when its audit event cannot be written: both secrets keep working', async () => {
      const { id, first, second } = await rotated()
      const mute = { ...admin, origin: { ...admin.origin, requestId: '\0' } }
      await expect(cancelRotation(services, mute, id)).rejects.toThrow()
      expect([await status(first), await status(second)]).toEqual([200, 200])
    })
  })

  test('ending the cancelled version says that it has ended, and the previous one keeps working', async () => {
    const { id, first } = await rotated()
    await cancelRotation(services, admin, id)
    await expect(endApiKeyVersion(services, admin, id, 2)).rejects.toMatchObject(conflict(/^This version has ended/))
    await expect(endApiKeyVersion(services, admin, id, 3)).rejects.toMatchObject({ code: 'not_found' })
    expect(await status(first)).toBe(200)
  })
})
