import { eq } from 'drizzle-orm'
import { describe, expect, test } from 'vitest'
import { createKeyEncryption } from '../../src/crypto/envelope.ts'
import { generateRawKek } from '../../src/crypto/kek/raw.ts'
import { signingKeyActivations, signingKeys } from '../../src/db/schema.ts'
import { readRing } from '../../src/signing-keys/queries.ts'
import { rotateSigningKey } from '../../src/signing-keys/rotate.ts'
import { selfTest } from '../../src/signing-keys/self-test.ts'
import { databaseKinds } from '../support/databases.ts'
import { root, rotateEverySeconds, startRing } from './ring-service.ts'

describe.each(databaseKinds)('the self test on %s', (kind) => {
  test('passes after bootstrap and after rotations', async () => {
    const ring = await startRing(kind)
    await selfTest(ring)
    await rotateSigningKey(ring, root, { purpose: 'token', force: true })
    ring.clock.advance(rotateEverySeconds * 2)
    await selfTest(ring)
  })

  test('names the missing KEK and creates nothing', async () => {
    const ring = await startRing(kind)
    const before = await readRing(ring.db)
    const stranger = { ...ring, keyEncryption: await createKeyEncryption({ kek: generateRawKek() }) }
    const error: unknown = await selfTest(stranger).catch((reason: unknown) => reason)
    for (const word of [ring.keyEncryption.kekIds[0], 'MINTAGE_KEK', 'MINTAGE_KEK_PREVIOUS'])
      expect(String(error)).toContain(word)
    expect(await readRing(ring.db)).toEqual(before)
  })

  test('passes when the KEK that sealed the ring became a previous one', async () => {
    const ring = await startRing(kind)
    await selfTest({
      ...ring,
      keyEncryption: await createKeyEncryption({ kek: generateRawKek(), previousKeks: [ring.kek] }),
    })
  })

  test('finds envelopes that were swapped between two rows', async () => {
    const ring = await startRing(kind)
    const [first, second] = await ring.db.select().from(signingKeys)
    if (!first || !second) throw new Error('two keys are there')
    await ring.db
      .update(signingKeys)
      .set({ sealedPrivateKey: second.sealedPrivateKey })
      .where(eq(signingKeys.kid, first.kid))
    await expect(selfTest(ring)).rejects.toThrow('belongs to another row')
  })

  test('finds a public key that was replaced', async () => {
    const ring = await startRing(kind)
    const [first, second] = await ring.db.select().from(signingKeys)
    if (!first || !second) throw new Error('two keys are there')
    await ring.db.update(signingKeys).set({ publicJwk: second.publicJwk }).where(eq(signingKeys.kid, first.kid))
    await expect(selfTest(ring)).rejects.toThrow('does not belong to it')
  })

  test('fails on a ring without keys', async () => {
    const ring = await startRing(kind)
    await ring.db.delete(signingKeyActivations)
    await expect(selfTest(ring)).rejects.toThrow('no active token key')
    await ring.db.delete(signingKeys)
    await expect(selfTest(ring)).rejects.toThrow('no active token key')
  })
})
