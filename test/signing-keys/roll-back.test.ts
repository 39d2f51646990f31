import { eq } from 'drizzle-orm'
import { describe, expect, test } from 'vitest'
import { auditEvents, signingKeys } from '../../src/db/schema.ts'
import { addRevocationRule } from '../../src/revocation/rule-queries.ts'
import { showSigningKey } from '../../src/signing-keys/read.ts'
import { rollbackSigningKey } from '../../src/signing-keys/roll-back.ts'
import { rotateSigningKey } from '../../src/signing-keys/rotate.ts'
import { databaseKinds } from '../support/databases.ts'
import { keysOf, refusal } from './ring-keys.ts'
import { admin, leadSeconds, root, rotateEverySeconds, startRing } from './ring-service.ts'

const token = { purpose: 'token' } as const

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
    await addRevocationRule(ring.db, { kind: 'signing_key', value: previous.kid, ...about }, 30, now)
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
