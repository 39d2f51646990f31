import { describe, expect, test } from 'vitest'
import { signingKeyUsage } from '../../src/db/schema.ts'
import { listSigningKeys, showSigningKey } from '../../src/signing-keys/read.ts'
import { rotateSigningKey } from '../../src/signing-keys/rotate.ts'
import { databaseKinds } from '../support/databases.ts'
import { keysOf, refusal } from './ring-keys.ts'
import { admin, leadSeconds, root, rotateEverySeconds, startRing } from './ring-service.ts'

const token = { purpose: 'token' } as const

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
