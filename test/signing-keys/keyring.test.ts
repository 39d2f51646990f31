import { eq } from 'drizzle-orm'
import { compactVerify, importJWK } from 'jose'
import { describe, expect, test, vi } from 'vitest'
import { generateRawKek } from '../../src/crypto/kek/raw.ts'
import { signingKeyActivations, signingKeys } from '../../src/db/schema.ts'
import { signJwt } from '../../src/signing-keys/jwt.ts'
import { createKeyring, createKeyringCache } from '../../src/signing-keys/keyring.ts'
import { readRing, readRingGeneration } from '../../src/signing-keys/queries.ts'
import { listSigningKeys } from '../../src/signing-keys/read.ts'
import { rotateSigningKey } from '../../src/signing-keys/rotate.ts'
import type { KeyPurpose } from '../../src/signing-keys/signer.ts'
import { databaseKinds, openTestDatabase } from '../support/databases.ts'
import { leadSeconds, type RingService, ringServices, root, rotateEverySeconds, startRing } from './ring-service.ts'

describe.each(databaseKinds)('the keyring on %s', (kind) => {
  test('makes signatures that its public key set verifies', async () => {
    const ring = await startRing(kind)
    for (const purpose of ['token', 'record'] as const) {
      const signer = await ring.keyring.signer(purpose)
      const jwk = (await ring.keyring.publicKeys(purpose)).keys.find(({ kid }) => kid === signer.kid)
      if (!jwk) throw new Error('the active key is published')
      await compactVerify(await signJwt(signer, 'at+jwt', { sub: 'x' }), await importJWK({ ...jwk }, 'ES256'))
    }
  })

  test('gives no signer before rules live as long as the longest token that the configuration allows', async () => {
    const ring = await startRing(kind)
    const maxTokenTtlSeconds = ring.config.maxTokenTtlSeconds + 3600
    const longer = createKeyring({
      ...ring,
      config: { ...ring.config, maxTokenTtlSeconds },
      cache: createKeyringCache(),
    })
    expect((await readRing(ring.db))?.largestTokenTtlSeconds).toBe(ring.config.maxTokenTtlSeconds)
    await longer.signer('token')
    expect((await readRing(ring.db))?.largestTokenTtlSeconds).toBe(maxTokenTtlSeconds)
  })

  test('keeps the two purposes apart', async () => {
    const ring = await startRing(kind)
    const kids = async (purpose: KeyPurpose) => (await ring.keyring.publicKeys(purpose)).keys.map(({ kid }) => kid)
    const all = [...(await kids('token')), ...(await kids('record'))]
    expect(new Set(all).size).toBe(4)
    expect(await kids('token')).not.toContain((await ring.keyring.signer('record')).kid)
  })

  test('returns its signer without a promise while the generation is unchanged', async () => {
    const ring = await startRing(kind)
    const generation = await readRingGeneration(ring.db)
    const first = await ring.keyring.signer('token', generation)
    expect(ring.keyring.signer('token', generation)).toBe(first)
  })

  test('never signs with the old key once the generation has changed', async () => {
    const ring = await startRing(kind)
    const elsewhere = await ringServices(ring.database, ring.clock, ring.kek)
    const old = await ring.keyring.signer('token', await readRingGeneration(ring.db))
    ring.clock.advance(leadSeconds)
    const { kid } = await rotateSigningKey(elsewhere, root, { purpose: 'token' })

    const generation = await readRingGeneration(ring.db)
    const signers = await Promise.all(Array.from({ length: 50 }, () => ring.keyring.signer('token', generation)))

    expect(kid).not.toBe(old.kid)
    expect(new Set(signers.map((signer) => signer.kid))).toEqual(new Set([kid]))
  })

  test('does not use a read that began before the ring changed', async () => {
    const ring = await startRing(kind)
    const elsewhere = await ringServices(ring.database, ring.clock, ring.kek)
    const { promise, resolve } = Promise.withResolvers<void>()
    ring.held.until = promise
    const early = ring.keyring.reload()
    await vi.waitFor(() => expect(ring.counted.signersMade).toBeGreaterThan(0), { timeout: 60_000 })
    const { kid } = await rotateSigningKey(elsewhere, root, { purpose: 'token', force: true })
    ring.clock.advance(1)
    const signer = ring.keyring.signer('token', await readRingGeneration(ring.db))
    resolve()
    await early
    expect((await signer).kid).toBe(kid)
  })

  test('without a generation asks the database before it signs', async () => {
    const ring = await startRing(kind)
    const elsewhere = await ringServices(ring.database, ring.clock, ring.kek)
    await ring.keyring.signer('record')
    ring.clock.advance(leadSeconds)
    const { kid } = await rotateSigningKey(elsewhere, root, { purpose: 'record' })
    expect((await ring.keyring.signer('record')).kid).toBe(kid)
  })

  test('reads a changed ring once for all waiting callers, and opens only new keys', async () => {
    const ring = await startRing(kind)
    const elsewhere = await ringServices(ring.database, ring.clock, ring.kek)
    await ring.keyring.reload()
    expect(ring.counted.signersMade).toBe(4)
    await rotateSigningKey(elsewhere, root, { purpose: 'token', force: true })
    const generation = await readRingGeneration(ring.db)
    await Promise.all(Array.from({ length: 100 }, () => ring.keyring.signer('token', generation)))
    expect(ring.counted.signersMade).toBe(5)
  })

  test('signs even if the lookup is older than the loaded ring', async () => {
    const ring = await startRing(kind)
    const before = (await readRingGeneration(ring.db)) ?? 0
    const { kid } = await rotateSigningKey(ring, root, { purpose: 'token', force: true })
    ring.clock.advance(1)
    expect((await ring.keyring.signer('token', before)).kid).toBe(kid)
  })

  test('moves to the next key at its activation, and back if the clock is set back, without reading the database', async () => {
    const ring = await startRing(kind, { ownDatabase: true })
    const start = ring.clock.now()
    const [active, pending] = await tokenKeys(ring)
    const generation = await readRingGeneration(ring.db)
    await ring.keyring.reload()
    await ring.database.close()
    const kidNow = async () => (await ring.keyring.signer('token', generation)).kid
    ring.clock.advance(rotateEverySeconds - 0.001)
    expect(await kidNow()).toBe(active?.kid)
    ring.clock.advance(0.001)
    expect(await kidNow()).toBe(pending?.kid)
    ring.clock.set(start)
    expect(await kidNow()).toBe(active?.kid)
    ring.clock.advance(-1)
    expect(() => ring.keyring.signer('token', generation)).toThrow('no ES256 token key is active')
  })

  test('shares the opened ring between requests that have the same cache', async () => {
    const ring = await startRing(kind)
    await ring.keyring.reload()
    const generation = await readRingGeneration(ring.db)
    const next = createKeyring(ring)
    expect(next.signer('token', generation)).not.toBeInstanceOf(Promise)
    expect(ring.counted.signersMade).toBe(4)
  })

  test('does not sign with a revoked key', async () => {
    const ring = await startRing(kind)
    const { kid } = await ring.keyring.signer('token')
    await ring.db.update(signingKeys).set({ revokedAt: ring.clock.now() }).where(eq(signingKeys.kid, kid))
    await ring.keyring.reload()
    await expect(ring.keyring.signer('token')).rejects.toMatchObject({ code: 'keyring_unavailable' })
    expect(ring.keyring.state()).toMatchObject({ usable: false })
    expect((await ring.keyring.publicKeys('token')).keys.map((key) => key.kid)).not.toContain(kid)
  })

  test('answers 503 with a reason before the database is bootstrapped', async () => {
    const database = await openTestDatabase(kind)
    const ring = await startRing(kind)
    const { keyring } = await ringServices(database, ring.clock, ring.kek)
    expect(keyring.state()).toEqual({
      generation: undefined,
      usable: false,
      reason: 'the key ring has not been read yet',
    })
    await expect(keyring.signer('token')).rejects.toMatchObject({ code: 'keyring_unavailable', status: 503 })
    await expect(keyring.publicKeys('token')).rejects.toMatchObject({ code: 'keyring_unavailable', status: 503 })
  })

  test('says which KEK an instance lacks, signs nothing, and still publishes the public keys', async () => {
    const ring = await startRing(kind)
    const { keyring, logged } = await ringServices(ring.database, ring.clock, generateRawKek())
    await expect(keyring.signer('token')).rejects.toMatchObject({ code: 'keyring_unavailable' })
    expect(keyring.state()).toMatchObject({
      usable: false,
      reason: expect.stringContaining(ring.keyEncryption.kekIds[0] ?? '?'),
    })
    expect((await keyring.publicKeys('token')).keys).toHaveLength(2)
    expect(logged).toContainEqual(expect.objectContaining({ level: 'error', event: 'signing_key.unusable' }))
  })

  test('tries again to open keys that could not be opened, after pauses that grow to five seconds', async () => {
    const ring = await startRing(kind)
    const { keyring, logged } = await ringServices(ring.database, ring.clock, generateRawKek())
    const keys = (await ring.keyring.publicKeys('token')).keys.length * 2
    for (let i = 0; i < 60; i++) {
      await expect(keyring.signer('record')).rejects.toMatchObject({ code: 'keyring_unavailable' })
      ring.clock.advance(0.5)
    }
    const tries = logged.filter(({ event }) => event === 'signing_key.unusable').length / keys
    expect(tries).toBeGreaterThanOrEqual(30 / 5)
    expect(tries).toBeLessThanOrEqual(20)
  })

  test('keeps signing when only the pending key is damaged, and says so', async () => {
    const ring = await startRing(kind)
    const [active, pending] = await tokenKeys(ring)
    await ring.db
      .update(signingKeys)
      .set({ sealedPrivateKey: 'mintage1.x' })
      .where(eq(signingKeys.kid, pending?.kid ?? ''))
    expect((await ring.keyring.signer('token')).kid).toBe(active?.kid)
    expect(ring.keyring.state()).toMatchObject({ usable: true, reason: expect.stringContaining(pending?.kid ?? '?') })
  })
})

describe.each(databaseKinds)('the public key set on %s', (kind) => {
  test('holds kty, crv, x, y, kid, alg and use of each key, and nothing else (RFC 7517 §4, §9.2)', async () => {
    const ring = await startRing(kind)
    for (const purpose of ['token', 'record'] as const) {
      const { keys } = await ring.keyring.publicKeys(purpose)
      expect(keys).toHaveLength(2)
      for (const key of keys) {
        expect(Object.keys(key).sort()).toEqual(['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y'])
        expect(key).toMatchObject({ kty: 'EC', crv: 'P-256', alg: 'ES256', use: 'sig' })
      }
      expect(new Set(keys.map(({ kid }) => kid)).size).toBe(2)
    }
  })

  test('is the same text while nothing changes', async () => {
    const ring = await startRing(kind)
    const first = JSON.stringify(await ring.keyring.publicKeys('token'))
    ring.clock.advance(60)
    await ring.keyring.reload()
    expect(JSON.stringify(await ring.keyring.publicKeys('token'))).toBe(first)
  })

  test('shows a key that another instance published within a second', async () => {
    const ring = await startRing(kind)
    const elsewhere = await ringServices(ring.database, ring.clock, ring.kek)
    expect((await ring.keyring.publicKeys('token')).keys).toHaveLength(2)
    await rotateSigningKey(elsewhere, root, { purpose: 'token', force: true })
    ring.clock.advance(1)
    expect((await ring.keyring.publicKeys('token')).keys).toHaveLength(3)
  })

  test('lists a retiring token key until its last token has expired, and a record key for ever', async () => {
    const ring = await startRing(kind)
    const previous = (await ring.keyring.signer('token')).kid
    const formerRecord = (await ring.keyring.signer('record')).kid
    ring.clock.advance(leadSeconds)
    await rotateSigningKey(ring, root, { purpose: 'token' })
    await rotateSigningKey(ring, root, { purpose: 'record' })
    const listed = async (purpose: KeyPurpose) => (await ring.keyring.publicKeys(purpose)).keys.map(({ kid }) => kid)
    ring.clock.advance(30 + 3600 + 30 + 300 - 0.001)
    expect(await listed('token')).toContain(previous)
    ring.clock.advance(0.001)
    expect(await listed('token')).not.toContain(previous)
    ring.clock.advance(10 * 365 * 86_400)
    expect(await listed('record')).toContain(formerRecord)
  })

  test('lists a revoked record key with the time of its revocation', async () => {
    const ring = await startRing(kind)
    const { kid } = await ring.keyring.signer('record')
    await ring.db.update(signingKeys).set({ revokedAt: ring.clock.now() }).where(eq(signingKeys.kid, kid))
    await ring.keyring.reload()
    const revoked = (await ring.keyring.publicKeys('record')).keys.find((key) => key.kid === kid)
    expect(revoked?.revoked).toEqual({ revoked_at: ring.clock.now().getTime() / 1000 })
  })

  test('stays as last known while the database is unreachable, and still follows time', async () => {
    const ring = await startRing(kind, { ownDatabase: true })
    const known = await ring.keyring.publicKeys('token')
    await ring.database.close()
    ring.clock.advance(3600)
    expect(await ring.keyring.publicKeys('token')).toEqual(known)
    await expect(ring.keyring.signer('token')).rejects.toMatchObject({ code: 'keyring_unavailable' })
    expect(ring.logged).toContainEqual(expect.objectContaining({ level: 'warn', event: 'signing_keys.stale' }))
    ring.clock.advance(2 * rotateEverySeconds)
    expect((await ring.keyring.publicKeys('token')).keys).toHaveLength(1)
  })

  test('leaves out a key whose algorithm this version does not know, and keeps signing', async () => {
    const ring = await startRing(kind)
    const [active, pending] = await tokenKeys(ring)
    const kid = pending?.kid ?? ''
    await ring.db
      .update(signingKeys)
      .set({ algorithm: 'ML-DSA-65', publicJwk: { kty: 'AKP' } })
      .where(eq(signingKeys.kid, kid))
    await ring.db
      .update(signingKeyActivations)
      .set({ algorithm: 'ML-DSA-65' })
      .where(eq(signingKeyActivations.kid, kid))
    expect((await ring.keyring.publicKeys('token')).keys.map((key) => key.kid)).toEqual([active?.kid])
    ring.clock.advance(2 * rotateEverySeconds)
    expect((await ring.keyring.signer('token')).kid).toBe(active?.kid)
  })
})

async function tokenKeys(ring: RingService) {
  const keys = (await listSigningKeys(ring, root)).filter(({ purpose }) => purpose === 'token')
  return keys.sort((a, b) => ((a.activatesAt ?? '') < (b.activatesAt ?? '') ? -1 : 1))
}
