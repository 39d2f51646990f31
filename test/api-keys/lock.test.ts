import { describe, expect, test } from 'vitest'
import { cancelRotation } from '../../src/api-keys/cancel-rotation.ts'
import { expireApiKey } from '../../src/api-keys/disable.ts'
import { showApiKey } from '../../src/api-keys/read.ts'
import { rotateApiKey } from '../../src/api-keys/rotate.ts'
import { updateApiKey } from '../../src/api-keys/update.ts'
import { endApiKeyVersion } from '../../src/api-keys/versions.ts'
import { databaseKinds } from '../support/databases.ts'
import { revoked, startWithRotatedKeys } from '../support/rotated-keys.ts'

describe.each(databaseKinds)('changes of a key that meet, on %s', async (kind) => {
  const { services, clock, admin, ...keys } = await startWithRotatedKeys(kind)
  const { rotated, status, verdict, inSeconds } = keys
  const overlapEnded = { code: 'conflict', detail: expect.stringMatching(/^The overlap has ended: version \d stopped/) }

  /** The change begins, waits for the other one, and then goes on. */
  const waitingFor = (other: () => Promise<unknown>): typeof services => ({
    ...services,
    async transaction(work) {
      clock.advance(1)
      await other()
      return await services.transaction(work)
    },
  })
  /** Another instance, whose clock is ahead by less than the clock tolerance. */
  const ahead = { ...services, now: () => inSeconds(5) }

  describe.each([
    ['that waited for it', waitingFor],
    [
      'on an instance whose clock is behind',
      (other: () => Promise<unknown>): typeof services => ({
        ...services,
        transaction: async (work) => await other().then(async () => await services.transaction(work)),
      }),
    ],
  ])('a cancellation %s', (how, meeting) => {
    const other = how.includes('behind') ? ahead : services

    test('does not bring a version back that was ended: the newest secret keeps working', async () => {
      const { id, first, second } = await rotated()
      const cancelling = meeting(async () => await endApiKeyVersion(other, admin, id, 1))
      await expect(cancelRotation(cancelling, admin, id)).rejects.toMatchObject(overlapEnded)
      clock.advance(10)
      expect([await status(first), await status(second)]).toEqual([401, 200])
    })

    test('does not take a rotation back that ended the previous secret at once', async () => {
      const { id, second, early } = await rotated()
      const cancelling = meeting(async () => await rotateApiKey(other, admin, id, { overlapSeconds: 0 }))
      await expect(cancelRotation(cancelling, admin, id)).rejects.toMatchObject(overlapEnded)
      clock.advance(10)
      expect([await status(second), await verdict(early)]).toEqual([401, revoked])
    })
  })

  test('a cancellation that waited until the overlap was over is refused', async () => {
    const { id, first, second } = await rotated(60)
    const cancelling = waitingFor(async () => clock.advance(60))
    await expect(cancelRotation(cancelling, admin, id)).rejects.toMatchObject(overlapEnded)
    expect([await status(first), await status(second)]).toEqual([401, 200])
  })

  test('a later expiry does not bring a key back that expired while the change waited', async () => {
    const { id } = await rotated()
    const updating = waitingFor(async () => await expireApiKey(services, admin, id))
    await expect(updateApiKey(updating, admin, id, { expiresAt: inSeconds(3600) })).rejects.toMatchObject({
      code: 'conflict',
    })
    expect(await showApiKey(services, admin, id)).toMatchObject({ status: 'expired' })
  })
})
