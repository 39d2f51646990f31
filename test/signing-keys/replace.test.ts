import { sql } from 'drizzle-orm'
import { describe, expect, test } from 'vitest'
import { auditEvents, revocations } from '../../src/db/schema.ts'
import { addSigningKey } from '../../src/signing-keys/add.ts'
import { readRing, readRingGeneration } from '../../src/signing-keys/queries.ts'
import { listSigningKeys, showSigningKey } from '../../src/signing-keys/read.ts'
import { replaceSigningKey } from '../../src/signing-keys/replace.ts'
import { rotateSigningKey } from '../../src/signing-keys/rotate.ts'
import { movableClock } from '../support/clock.ts'
import { databaseKinds } from '../support/databases.ts'
import { keysOf, refusal } from './ring-keys.ts'
import { admin, leadSeconds, ringServices, root, rotateEverySeconds, startRing } from './ring-service.ts'

const line = { purpose: 'token' } as const

describe.each(databaseKinds)('a leaked signing key on %s', (kind) => {
  test('stops signing at once: the pending key, which verifiers hold, takes over, and a new one is published', async () => {
    const ring = await startRing(kind)
    ring.clock.advance(60)
    const [leaked, pending] = await keysOf(ring, 'token')
    const replaced = await replaceSigningKey(ring, root, { ...line, reason: 'in a public repository' })
    expect(replaced).toMatchObject({
      active: { kid: pending?.kid, state: 'active' },
      next: { state: 'pending', publishedAt: ring.clock.now().toISOString() },
      revoked: [
        { kid: leaked?.kid, state: 'revoked', revokedBy: 'key_root', revocationReason: 'in a public repository' },
      ],
    })
    expect((await ring.keyring.signer('token')).kid).toBe(pending?.kid)
    const listed = (await ring.keyring.publicKeys('token')).keys.map(({ kid }) => kid)
    expect(listed.sort()).toEqual([pending?.kid, replaced.next?.kid].sort())
  })

  test('gets a rule that never expires, in the transaction of its replacement', async () => {
    const ring = await startRing(kind)
    const [leaked] = await keysOf(ring, 'token')
    await replaceSigningKey(ring, root, line)
    expect(await ring.db.select().from(revocations)).toMatchObject([
      { kind: 'signing_key', value: leaked?.kid, expiresAt: null, issuedBefore: null, liftedAt: null },
    ])
    expect(await ring.db.select().from(auditEvents)).toMatchObject([
      { type: 'signing_key.replaced', subject: leaked?.kid, actor: 'key_root' },
    ])
  })

  test('is not replaced when its rule or its audit event cannot be written', async () => {
    for (const table of ['revocations', 'audit_events']) {
      const ring = await startRing(kind, { ownDatabase: true })
      const before = await readRing(ring.db)
      await ring.db.execute(sql.raw(`alter table ${table} rename to away`))
      await expect(replaceSigningKey(ring, root, line)).rejects.toThrow()
      expect(await readRing(ring.db)).toEqual(before)
    }
  })

  test('signs nothing more, even on an instance whose clock is behind by the tolerance', async () => {
    const ring = await startRing(kind)
    ring.clock.advance(3600)
    const behind = movableClock(new Date(ring.clock.now().getTime() - 30_000))
    const elsewhere = await ringServices(ring.database, behind, ring.kek)
    const { active } = await replaceSigningKey(ring, root, line)
    const signer = await elsewhere.keyring.signer('token', await readRingGeneration(ring.db))
    expect(signer.kid).toBe(active?.kid)
    expect((await elsewhere.keyring.publicKeys('token')).keys).toHaveLength(2)
  })

  test('revokes the pending keys too when they are distrusted: a fresh key signs', async () => {
    const ring = await startRing(kind)
    ring.clock.advance(60)
    const before = (await keysOf(ring, 'token')).map(({ kid }) => kid)
    const { active, next, revoked } = await replaceSigningKey(ring, root, { ...line, distrustPending: true })
    expect(revoked.map(({ kid }) => kid).sort()).toEqual([...before].sort())
    expect(before).not.toContain(active?.kid)
    expect(before).not.toContain(next?.kid)
    expect(active?.kid).not.toBe(next?.kid)
    expect((await ring.db.select().from(revocations)).map(({ value }) => value).sort()).toEqual([...before].sort())
    expect((await ring.keyring.signer('token')).kid).toBe(active?.kid)
  })

  test('is revoked when it is pending, and the active one keeps signing until another one is safe', async () => {
    const ring = await startRing(kind)
    const [active, pending] = await keysOf(ring, 'token')
    ring.clock.advance(rotateEverySeconds - 60)
    const replaced = await replaceSigningKey(ring, root, { ...line, kid: pending?.kid })
    expect(replaced).toMatchObject({ active: { kid: active?.kid }, revoked: [{ kid: pending?.kid }] })
    const { kid, safeAt, activatesAt } = replaced.next ?? {}
    expect(activatesAt).toBe(safeAt)
    ring.clock.advance(61)
    expect((await ring.keyring.signer('token')).kid).toBe(active?.kid)
    ring.clock.set(new Date(activatesAt ?? 0))
    expect((await ring.keyring.signer('token')).kid).toBe(kid)
  })

  test('is revoked without a new activation when it is retiring', async () => {
    const ring = await startRing(kind)
    ring.clock.advance(leadSeconds)
    const [former, active] = await keysOf(ring, 'token')
    await rotateSigningKey(ring, root, line)
    ring.clock.advance(1)
    const replaced = await replaceSigningKey(ring, root, { ...line, kid: former?.kid })
    expect(replaced).toMatchObject({ active: { kid: active?.kid }, revoked: [{ kid: former?.kid }] })
    const listed = (await ring.keyring.publicKeys('token')).keys
    expect(listed.map(({ kid }) => kid)).not.toContain(former?.kid)
  })

  test('can leak again: two replacements in the same millisecond leave one active and one pending key', async () => {
    const ring = await startRing(kind)
    await replaceSigningKey(ring, root, line)
    ring.clock.advance(0.001)
    await replaceSigningKey(ring, root, line)
    ring.clock.advance(0.002)
    expect((await keysOf(ring, 'token')).map(({ state }) => state).sort()).toEqual([
      'active',
      'pending',
      'revoked',
      'revoked',
    ])
  })

  test('is refused if it is already revoked, retired, in another series or unknown', async () => {
    const ring = await startRing(kind)
    ring.clock.advance(leadSeconds)
    const [first] = await keysOf(ring, 'token')
    const [record] = await keysOf(ring, 'record')
    await rotateSigningKey(ring, root, line)
    ring.clock.advance(30 + 3600 + 30 + 300)
    expect(await refusal(replaceSigningKey(ring, root, { ...line, kid: first?.kid }))).toMatchObject({
      code: 'conflict',
    })
    const { revoked } = await replaceSigningKey(ring, root, line)
    expect(await refusal(replaceSigningKey(ring, root, { ...line, kid: revoked[0]?.kid }))).toMatchObject({
      code: 'conflict',
    })
    for (const kid of [record?.kid, 'nobody']) {
      expect(await refusal(replaceSigningKey(ring, root, { ...line, kid }))).toMatchObject({ code: 'not_found' })
    }
    expect(await refusal(replaceSigningKey(ring, admin, line))).toMatchObject({ code: 'permission_denied' })
  })

  test('is marked in its set and gets no rule when it is a record key', async () => {
    const ring = await startRing(kind)
    const [leaked] = await keysOf(ring, 'record')
    await replaceSigningKey(ring, root, { purpose: 'record' })
    ring.clock.advance(1)
    const listed = (await ring.keyring.publicKeys('record')).keys.find(({ kid }) => kid === leaked?.kid)
    expect(listed?.revoked?.revoked_at).toEqual(expect.any(Number))
    expect(await ring.db.select().from(revocations)).toEqual([])
    expect((await ring.keyring.signer('record')).kid).not.toBe(leaked?.kid)
  })

  test('is replaced by another pending one when its algorithm has no active key yet', async () => {
    const ring = await startRing(kind)
    const { kid } = await addSigningKey(ring, root, { algorithm: 'EdDSA' })
    const replaced = await replaceSigningKey(ring, root, { ...line, algorithm: 'EdDSA', kid })
    expect(replaced).toMatchObject({ active: null, next: { state: 'pending' }, revoked: [{ kid }] })
    ring.clock.set(new Date(replaced.next?.activatesAt ?? 0))
    expect((await ring.keyring.signer('token', undefined, 'EdDSA')).kid).toBe(replaced.next?.kid)
  })

  test('leaves the other series unchanged', async () => {
    const ring = await startRing(kind)
    const records = await keysOf(ring, 'record')
    const { revoked } = await replaceSigningKey(ring, root, line)
    ring.clock.advance(1)
    expect(await keysOf(ring, 'record')).toEqual(records)
    expect(await showSigningKey(ring, root, revoked[0]?.kid ?? '')).toMatchObject({ state: 'revoked' })
    expect((await listSigningKeys(ring, root)).filter(({ state }) => state === 'pending')).toHaveLength(2)
  })
})
