import { describe, expect, test } from 'vitest'
import { auditEvents, revocations } from '../../src/db/schema.ts'
import { activateSigningKey } from '../../src/signing-keys/activate.ts'
import { readRing } from '../../src/signing-keys/queries.ts'
import { showSigningKey } from '../../src/signing-keys/read.ts'
import { rotateSigningKey } from '../../src/signing-keys/rotate.ts'
import { databaseKinds } from '../support/databases.ts'
import { keysOf, refusal } from './ring-keys.ts'
import { admin, leadSeconds, root, startRing } from './ring-service.ts'

const token = { purpose: 'token' } as const

describe.each(databaseKinds)('a forced rotation on %s', (kind) => {
  test('is refused without force, and says what would break and until when', async () => {
    const ring = await startRing(kind)
    const error = await refusal(rotateSigningKey(ring, root, token))
    expect(error.code).toBe('too_early')
    for (const words of ['503', '401', ring.clock.now().toISOString(), String(error.extensions?.safeAt)])
      expect(error.detail).toContain(words)
  })

  test('shows the key as it is at its activation, even on a clock that stands still', async () => {
    const ring = await startRing(kind)
    const { state, activatesAt } = await rotateSigningKey(ring, root, { ...token, force: true })
    expect([state, activatesAt]).toEqual(['active', new Date(ring.clock.now().getTime() + 1).toISOString()])
  })

  test('revokes the previous key and all of its tokens on request, in the same transaction', async () => {
    const ring = await startRing(kind)
    const [previous] = await keysOf(ring, 'token')
    const { kid } = await rotateSigningKey(ring, root, {
      ...token,
      force: true,
      revokeFormer: true,
      reason: 'laptop stolen',
    })
    ring.clock.advance(1)
    expect(await showSigningKey(ring, root, previous?.kid ?? '')).toMatchObject({
      state: 'revoked',
      revokedBy: 'key_root',
      revocationReason: 'laptop stolen',
    })
    expect(await ring.db.select().from(revocations)).toMatchObject([
      {
        kind: 'signing_key',
        value: previous?.kid,
        expiresAt: null,
        issuedBefore: null,
        actor: 'key_root',
        reason: 'laptop stolen',
      },
    ])
    expect((await ring.keyring.publicKeys('token')).keys.map((key) => key.kid)).not.toContain(previous?.kid)
    expect((await ring.keyring.signer('token')).kid).toBe(kid)
    expect(await ring.db.select().from(auditEvents)).toMatchObject([
      {
        type: 'signing_key.rotated',
        reason: 'laptop stolen',
        context: { forced: true, former: previous?.kid, revoked: [previous?.kid] },
      },
    ])
  })

  test('is needed to revoke the previous key: a planned rotation that asks for it is refused and changes nothing', async () => {
    const ring = await startRing(kind)
    ring.clock.advance(leadSeconds)
    const before = await readRing(ring.db)
    expect(await refusal(rotateSigningKey(ring, root, { ...token, revokeFormer: true }))).toMatchObject({
      code: 'invalid_request',
    })
    expect(await readRing(ring.db)).toEqual(before)
  })
})

describe.each(databaseKinds)('activation on %s', (kind) => {
  test('of the pending key is a rotation, with the same safe time', async () => {
    const ring = await startRing(kind)
    const [, pending] = await keysOf(ring, 'token')
    const kid = pending?.kid ?? ''
    expect(await refusal(activateSigningKey(ring, root, kid))).toMatchObject({
      code: 'too_early',
      extensions: { safeAt: pending?.safeAt },
    })
    ring.clock.advance(leadSeconds)
    expect(await activateSigningKey(ring, root, kid, { reason: 'audit' })).toMatchObject({ kid, state: 'active' })
    expect((await keysOf(ring, 'token')).map(({ state }) => state)).toEqual(['retiring', 'active', 'pending'])
    expect(await ring.db.select().from(auditEvents)).toMatchObject([
      { type: 'signing_key.activated', subject: kid, reason: 'audit' },
    ])
  })

  test('of any other key is refused with a reason', async () => {
    const ring = await startRing(kind)
    const [active] = await keysOf(ring, 'token')
    ring.clock.advance(leadSeconds)
    expect(await refusal(activateSigningKey(ring, root, active?.kid ?? ''))).toMatchObject({
      code: 'conflict',
      detail: expect.stringMatching(/is active/),
    })
    await rotateSigningKey(ring, root, token)
    expect(await refusal(activateSigningKey(ring, root, active?.kid ?? '', { force: true }))).toMatchObject({
      detail: expect.stringMatching(/is retiring/),
    })
    expect(await refusal(activateSigningKey(ring, root, 'nobody'))).toMatchObject({ code: 'not_found' })
    expect(await refusal(activateSigningKey(ring, admin, active?.kid ?? ''))).toMatchObject({
      code: 'permission_denied',
    })
  })
})
