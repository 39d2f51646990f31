import { describe, expect, test } from 'vitest'
import { auditEvents } from '../../src/db/schema.ts'
import { addSigningKey } from '../../src/signing-keys/add.ts'
import { maintainSigningKeys } from '../../src/signing-keys/maintenance.ts'
import { rotateSigningKey } from '../../src/signing-keys/rotate.ts'
import { databaseKinds } from '../support/databases.ts'
import { keysOf, refusal } from './ring-keys.ts'
import { leadSeconds, type RingService, root, rotateEverySeconds, startRing } from './ring-service.ts'

const token = { purpose: 'token' } as const
const later = (ring: RingService, seconds: number) =>
  new Date(ring.clock.now().getTime() + seconds * 1000).toISOString()

describe.each(databaseKinds)('another algorithm on %s', (kind) => {
  test('gets its first key, which signs from its safe time on and rotates automatically from then on', async () => {
    const ring = await startRing(kind)
    const added = await addSigningKey(ring, root, { algorithm: 'EdDSA' })
    expect(added).toMatchObject({
      algorithm: 'EdDSA',
      purpose: 'token',
      version: 1,
      state: 'pending',
      activatesAt: added.safeAt,
      safeAt: later(ring, leadSeconds),
    })
    ring.clock.advance(leadSeconds - 0.001)
    await expect(async () => await ring.keyring.signer('token', undefined, 'EdDSA')).rejects.toMatchObject({
      code: 'keyring_unavailable',
    })
    ring.clock.advance(0.001)
    expect((await ring.keyring.signer('token', undefined, 'EdDSA')).kid).toBe(added.kid)
    await maintainSigningKeys(ring)
    expect(await keysOf(ring, 'token', 'EdDSA')).toMatchObject([
      { state: 'active' },
      { state: 'pending', activatesAt: later(ring, rotateEverySeconds) },
    ])
    expect(await ring.db.select().from(auditEvents)).toMatchObject([
      { type: 'signing_key.added' },
      { type: 'signing_key.created' },
    ])
  })

  test('has its own active key beside the default one, which keeps signing', async () => {
    const ring = await startRing(kind)
    const [active] = await keysOf(ring, 'token')
    await addSigningKey(ring, root, { algorithm: 'EdDSA' })
    ring.clock.advance(leadSeconds)
    await maintainSigningKeys(ring)
    await rotateSigningKey(ring, root, { ...token, algorithm: 'EdDSA', force: true })
    ring.clock.advance(1)
    expect((await ring.keyring.signer('token')).kid).toBe(active?.kid)
  })

  test('cannot be added twice, nor rotated before it was added', async () => {
    const ring = await startRing(kind)
    expect(await refusal(addSigningKey(ring, root, { algorithm: 'ES256' }))).toMatchObject({ code: 'conflict' })
    expect(await refusal(rotateSigningKey(ring, root, { ...token, algorithm: 'PS256' }))).toMatchObject({
      code: 'not_found',
    })
    await addSigningKey(ring, root, { algorithm: 'PS256' })
    expect(await refusal(addSigningKey(ring, root, { algorithm: 'PS256' }))).toMatchObject({ code: 'conflict' })
  })
})
