import { sql } from 'drizzle-orm'
import { describe, expect, test } from 'vitest'
import { auditEvents, signingKeys } from '../../src/db/schema.ts'
import { createSigningKeys } from '../../src/signing-keys/create.ts'
import { thumbprint } from '../../src/signing-keys/key-pair.ts'
import { maintainSigningKeys } from '../../src/signing-keys/maintenance.ts'
import { readRing, readRingGeneration } from '../../src/signing-keys/queries.ts'
import { listSigningKeys } from '../../src/signing-keys/read.ts'
import { rotateSigningKey } from '../../src/signing-keys/rotate.ts'
import { databaseKinds } from '../support/databases.ts'
import { keysOf, refusal } from './ring-keys.ts'
import { admin, leadSeconds, root, rotateEverySeconds, startRing } from './ring-service.ts'

describe.each(databaseKinds)('the key ring on %s', (kind) => {
  test('has one active key and one published pending key of each purpose after bootstrap', async () => {
    const ring = await startRing(kind)
    for (const purpose of ['token', 'record'] as const) {
      const [active, pending, ...others] = await keysOf(ring, purpose)
      expect(others).toEqual([])
      expect(active).toMatchObject({
        state: 'active',
        activatesAt: ring.clock.now().toISOString(),
        retiresAt: expect.any(String),
      })
      const due = new Date(ring.clock.now().getTime() + rotateEverySeconds * 1000).toISOString()
      expect(pending).toMatchObject({ state: 'pending', publishedAt: ring.clock.now().toISOString(), activatesAt: due })
    }
  })

  test('names each key by the thumbprint of its public part and stores nothing private in the clear', async () => {
    const { db } = await startRing(kind)
    for (const row of await db.select().from(signingKeys)) {
      expect(await thumbprint(row.publicJwk)).toBe(row.kid)
      expect(Object.keys(row.publicJwk).sort()).toEqual(['crv', 'kty', 'x', 'y'])
      expect(row.sealedPrivateKey).toMatch(/^mintage\d\.kek_[\w-]{16}\.[\w-]+\.[\w-]+$/)
    }
  })

  test('cannot be created twice', async () => {
    const ring = await startRing(kind)
    const before = await readRing(ring.db)
    await expect(ring.db.transaction((tx) => createSigningKeys(tx, ring, ring.clock.now(), 'system'))).rejects.toThrow()
    expect(await readRing(ring.db)).toEqual(before)
  })

  test('refuses to rotate before the safe time, names it and changes nothing', async () => {
    const ring = await startRing(kind)
    const before = await readRing(ring.db)
    const safeAt = new Date(ring.clock.now().getTime() + leadSeconds * 1000).toISOString()
    ring.clock.advance(leadSeconds - 0.001)
    const error = await refusal(rotateSigningKey(ring, root, { purpose: 'token' }))
    expect(error).toMatchObject({ code: 'too_early', extensions: { safeAt } })
    expect(error.detail).toContain(safeAt)
    expect(await readRing(ring.db)).toEqual(before)
  })

  test('rotates from the safe time on: the pending key signs, the previous one retires, a new one is published', async () => {
    const ring = await startRing(kind)
    const [first, second] = await keysOf(ring, 'token')
    const records = await keysOf(ring, 'record')
    const generation = (await readRingGeneration(ring.db)) ?? 0
    ring.clock.advance(leadSeconds)

    const rotated = await rotateSigningKey(ring, root, { purpose: 'token' })

    expect(rotated).toMatchObject({ kid: second?.kid, state: 'active', activatesAt: ring.clock.now().toISOString() })
    const states = (await keysOf(ring, 'token')).map(({ kid, state }) => [kid, state])
    expect(states).toEqual([
      [first?.kid, 'retiring'],
      [second?.kid, 'active'],
      [expect.any(String), 'pending'],
    ])
    expect(await readRingGeneration(ring.db)).toBe(generation + 1)
    expect(await keysOf(ring, 'record')).toEqual(records)
  })

  test('writes a rotation into the audit trail, with the key and who asked', async () => {
    const ring = await startRing(kind)
    ring.clock.advance(leadSeconds)
    const { kid } = await rotateSigningKey(ring, root, { purpose: 'record' })
    expect(await ring.db.select().from(auditEvents)).toMatchObject([
      {
        type: 'signing_key.rotated',
        actor: 'key_root',
        subject: kid,
        organizationId: null,
        context: {
          purpose: 'record',
          algorithm: 'ES256',
          sequence: 3,
          activatesAt: ring.clock.now().toISOString(),
          forced: false,
        },
      },
    ])
  })

  test('stays as it was when the audit event cannot be written', async () => {
    const ring = await startRing(kind, { ownDatabase: true })
    ring.clock.advance(leadSeconds)
    const before = await readRing(ring.db)
    await ring.db.execute(sql`alter table audit_events rename to audit_events_away`)
    await expect(rotateSigningKey(ring, root, { purpose: 'token' })).rejects.toThrow()
    expect(await readRing(ring.db)).toEqual(before)
  })

  test('can be forced to rotate early, twice in the same millisecond, and the times still only grow', async () => {
    const ring = await startRing(kind)
    await rotateSigningKey(ring, root, { purpose: 'token', force: true })
    const { kid, activatesAt } = await rotateSigningKey(ring, root, { purpose: 'token', force: true })
    ring.clock.set(new Date(activatesAt ?? 0))
    const keys = await keysOf(ring, 'token')
    expect(keys.map(({ state }) => state)).toEqual(
      expect.arrayContaining(['retiring', 'retiring', 'active', 'pending']),
    )
    expect(keys.find(({ state }) => state === 'active')?.kid).toBe(kid)
  })

  test('rotates at the end of the interval with nothing running', async () => {
    const ring = await startRing(kind)
    const [, second] = await keysOf(ring, 'token')
    ring.clock.advance(rotateEverySeconds)
    expect((await keysOf(ring, 'token')).map(({ kid, state }) => [kid, state])[1]).toEqual([second?.kid, 'active'])
  })

  test('gets its next pending keys from maintenance once the planned ones are active, once', async () => {
    const ring = await startRing(kind)
    await maintainSigningKeys(ring)
    expect(await ring.db.select().from(auditEvents)).toEqual([])
    ring.clock.advance(rotateEverySeconds)
    const generation = (await readRingGeneration(ring.db)) ?? 0
    await maintainSigningKeys(ring)
    await maintainSigningKeys(ring)
    for (const purpose of ['token', 'record'] as const) {
      expect((await keysOf(ring, purpose)).map(({ state }) => state)).toEqual(['retiring', 'active', 'pending'])
    }
    expect(await readRingGeneration(ring.db)).toBe(generation + 2)
    expect(await ring.db.select().from(auditEvents)).toMatchObject([
      { type: 'signing_key.created' },
      { type: 'signing_key.created' },
    ])
  })

  test('refuses to rotate when maintenance was late, and publishes the missing key', async () => {
    const ring = await startRing(kind)
    ring.clock.advance(rotateEverySeconds)
    expect(await refusal(rotateSigningKey(ring, root, { purpose: 'token' }))).toMatchObject({ code: 'too_early' })
    ring.clock.advance(leadSeconds)
    expect(await rotateSigningKey(ring, root, { purpose: 'token' })).toMatchObject({ state: 'active' })
  })

  test('is neither shown to nor rotated by an admin of an organization', async () => {
    const ring = await startRing(kind)
    ring.clock.advance(leadSeconds)
    expect(await refusal(rotateSigningKey(ring, admin, { purpose: 'token' }))).toMatchObject({
      code: 'permission_denied',
    })
    expect(await refusal(listSigningKeys(ring, admin))).toMatchObject({ code: 'permission_denied' })
  })
})
