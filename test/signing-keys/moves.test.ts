import { eq } from 'drizzle-orm'
import { describe, expect, test } from 'vitest'
import { auditEvents, revocations, signingKeyActivations, signingKeys, signingKeyUsage } from '../../src/db/schema.ts'
import { addRevocationRule } from '../../src/revocation/rule-queries.ts'
import { activateSigningKey } from '../../src/signing-keys/activate.ts'
import { maintainSigningKeys } from '../../src/signing-keys/maintenance.ts'
import { readRing } from '../../src/signing-keys/queries.ts'
import { listSigningKeys, showSigningKey } from '../../src/signing-keys/read.ts'
import { rollbackSigningKey } from '../../src/signing-keys/roll-back.ts'
import { rotateSigningKey } from '../../src/signing-keys/rotate.ts'
import { databaseKinds } from '../support/databases.ts'
import { keysOf, refusal } from './ring-keys.ts'
import { admin, leadSeconds, root, rotateEverySeconds, startRing } from './ring-service.ts'

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

describe.each(databaseKinds)('rollback on %s', (kind) => {
  async function rotated() {
    const ring = await startRing(kind)
    ring.clock.advance(leadSeconds)
    await rotateSigningKey(ring, root, token)
    ring.clock.advance(60)
    const [previous, active, pending] = await keysOf(ring, 'token')
    if (!previous || !active || !pending) throw new Error('there must be three keys after a rotation')
    return { ring, previous, active, pending }
  }

  test('makes the previous key sign again at once, and plans the pending one again', async () => {
    const { ring, previous, active, pending } = await rotated()
    expect(await rollbackSigningKey(ring, root, { ...token, reason: 'a verifier cannot read it' })).toMatchObject({
      kid: previous.kid,
      state: 'active',
    })
    expect((await ring.keyring.signer('token')).kid).toBe(previous.kid)
    expect(await showSigningKey(ring, root, active.kid)).toMatchObject({ state: 'retiring' })
    const due = new Date(ring.clock.now().getTime() + rotateEverySeconds * 1000).toISOString()
    expect(await showSigningKey(ring, root, pending.kid)).toMatchObject({ state: 'pending', activatesAt: due })
    expect(
      await ring.db.select().from(auditEvents).where(eq(auditEvents.type, 'signing_key.rolled_back')),
    ).toMatchObject([{ subject: previous.kid, reason: 'a verifier cannot read it', context: { former: active.kid } }])
  })

  test('twice returns to the first state', async () => {
    const { ring, active } = await rotated()
    await rollbackSigningKey(ring, root, token)
    ring.clock.advance(1)
    expect(await rollbackSigningKey(ring, root, token)).toMatchObject({ kid: active.kid, state: 'active' })
  })

  test('is refused when the previous key is no longer published', async () => {
    const { ring } = await rotated()
    ring.clock.advance(30 + 3600 + 30 + 300)
    expect(await refusal(rollbackSigningKey(ring, root, token))).toMatchObject({
      code: 'conflict',
      detail: expect.stringMatching(/no longer published/),
    })
  })

  test('is refused for a revoked key, however it was revoked', async () => {
    const first = await rotated()
    await first.ring.db
      .update(signingKeys)
      .set({ revokedAt: first.ring.clock.now() })
      .where(eq(signingKeys.kid, first.previous.kid))
    expect(await refusal(rollbackSigningKey(first.ring, root, token))).toMatchObject({
      code: 'conflict',
      detail: expect.stringMatching(/revoked/),
    })
    const { ring, previous } = await rotated()
    const about = { organizationId: null, reason: 'x', actor: 'key_root', expires: 'never' } as const
    const now = ring.clock.now()
    await addRevocationRule(ring.db, { kind: 'signing_key', value: previous.kid, effectiveAt: now, ...about }, 30, now)
    expect(await refusal(rollbackSigningKey(ring, root, token))).toMatchObject({
      code: 'conflict',
      detail: expect.stringMatching(/revoked/),
    })
  })

  test('is refused when no key signed before', async () => {
    const ring = await startRing(kind)
    expect(await refusal(rollbackSigningKey(ring, root, token))).toMatchObject({
      code: 'conflict',
      detail: expect.stringMatching(/No other key/),
    })
    expect(await refusal(rollbackSigningKey(ring, admin, token))).toMatchObject({ code: 'permission_denied' })
  })
})

describe.each(databaseKinds)('the view of the ring on %s', (kind) => {
  test('has all coming times: safe from, active from, followed at, unpublished at', async () => {
    const ring = await startRing(kind)
    const at = (seconds: number) => new Date(ring.clock.now().getTime() + seconds * 1000).toISOString()
    const [active, pending] = await keysOf(ring, 'token')
    const due = at(rotateEverySeconds)
    expect(active).toMatchObject({
      version: 1,
      activatesAt: at(0),
      followedAt: due,
      retiresAt: at(rotateEverySeconds + 30 + 3600 + 30 + 300),
    })
    expect(pending).toMatchObject({
      version: 2,
      safeAt: at(leadSeconds),
      activatesAt: due,
      followedAt: null,
      retiresAt: null,
    })
  })

  test('has the whole history of a key: what was decided when, by whom, why and with which result', async () => {
    const ring = await startRing(kind)
    const [, second] = await keysOf(ring, 'token')
    const start = ring.clock.now().toISOString()
    ring.clock.advance(leadSeconds)
    await rotateSigningKey(ring, root, { ...token, reason: 'quarterly' })
    const { activations, createdBy } = await showSigningKey(ring, root, second?.kid ?? '')
    expect(createdBy).toBe('system')
    expect(activations).toEqual([
      {
        sequence: 2,
        activatesAt: second?.activatesAt,
        state: 'overtaken',
        decidedAt: start,
        actor: 'system',
        reason: 'rotation interval',
      },
      {
        sequence: 3,
        activatesAt: ring.clock.now().toISOString(),
        state: 'effective',
        decidedAt: ring.clock.now().toISOString(),
        actor: 'key_root',
        reason: 'quarterly',
      },
    ])
    const [, , third] = await keysOf(ring, 'token')
    expect(await showSigningKey(ring, root, third?.kid ?? '')).toMatchObject({
      createdBy: 'key_root',
      activations: [{ state: 'planned' }],
    })
  })

  test('says how much each key signed and when it last signed', async () => {
    const ring = await startRing(kind)
    const [active, pending] = await keysOf(ring, 'token')
    const lastSignedAt = ring.clock.now()
    const usage = { tokens: 7, lastSignedAt, lastExpiresAt: new Date(lastSignedAt.getTime() + 900_000) }
    await ring.db.insert(signingKeyUsage).values({ kid: active?.kid ?? '', ...usage })
    const shown = {
      tokens: 7,
      lastSignedAt: lastSignedAt.toISOString(),
      lastExpiresAt: usage.lastExpiresAt.toISOString(),
    }
    expect(await showSigningKey(ring, root, active?.kid ?? '')).toMatchObject({ usage: shown })
    expect((await listSigningKeys(ring, root)).find(({ kid }) => kid === pending?.kid)).toMatchObject({ usage: null })
  })

  test('needs the permission to read, and shows only existing keys', async () => {
    const ring = await startRing(kind)
    const [active] = await keysOf(ring, 'token')
    expect(await refusal(showSigningKey(ring, admin, active?.kid ?? ''))).toMatchObject({ code: 'permission_denied' })
    expect(await refusal(showSigningKey(ring, root, 'nobody'))).toMatchObject({ code: 'not_found' })
  })
})

test('maintenance plans an existing pending key before it creates another one', async () => {
  const ring = await startRing('embedded')
  const [, pending] = await keysOf(ring, 'token')
  // Its planned activation is gone, as after an activation that overtook it.
  await ring.db.delete(auditEvents)
  const rows = await readRing(ring.db)
  const planned = rows?.activations.find(({ kid }) => kid === pending?.kid)
  if (!planned) throw new Error('the pending key has its plan')
  await ring.db.delete(signingKeyActivations).where(eq(signingKeyActivations.kid, planned.kid))
  await maintainSigningKeys(ring)
  expect(await keysOf(ring, 'token')).toMatchObject([
    { state: 'active' },
    { kid: planned.kid, activatesAt: planned.activatesAt.toISOString() },
  ])
  expect(await ring.db.select().from(auditEvents)).toMatchObject([
    { type: 'signing_key.planned', subject: planned.kid },
  ])
})
