import { eq } from 'drizzle-orm'
import { describe, expect, test } from 'vitest'
import { signingKeys } from '../../src/db/schema.ts'
import { readRingGeneration } from '../../src/signing-keys/queries.ts'
import { rotateSigningKey } from '../../src/signing-keys/rotate.ts'
import { type Algorithm, algorithms } from '../../src/signing-keys/signer.ts'
import { insertActiveKey } from '../support/active-signing-key.ts'
import { databaseKinds } from '../support/databases.ts'
import { root, startRing } from './ring-service.ts'

describe.each(databaseKinds)('a keyring with several algorithms on %s', (kind) => {
  test('has one active key of each, and returns the requested one', async () => {
    const ring = await startRing(kind)
    const { kid } = await ring.keyring.signer('token')
    const others = new Map<Algorithm, string>()
    for (const algorithm of algorithms)
      if (algorithm !== 'ES256') others.set(algorithm, await insertActiveKey(ring, algorithm))
    const generation = await readRingGeneration(ring.db)
    for (const algorithm of algorithms) {
      const signer = await ring.keyring.signer('token', generation, algorithm)
      expect([signer.algorithm, signer.kid]).toEqual([algorithm, others.get(algorithm) ?? kid])
      expect(ring.keyring.signer('token', generation, algorithm)).toBe(signer)
    }
    expect((await ring.keyring.signer('token', generation)).kid).toBe(kid)
    expect(await ring.keyring.activeAlgorithms('token')).toEqual(algorithms)
    expect(await ring.keyring.activeAlgorithms('record')).toEqual(['ES256'])
  })

  test('rotates one of them without touching the others', async () => {
    const ring = await startRing(kind)
    const { kid } = await ring.keyring.signer('token')
    const eddsa = await insertActiveKey(ring, 'EdDSA')
    ring.clock.advance(1)
    await rotateSigningKey(ring, root, { purpose: 'token', force: true })
    ring.clock.advance(1)
    expect((await ring.keyring.signer('token')).kid).not.toBe(kid)
    expect((await ring.keyring.signer('token', undefined, 'EdDSA')).kid).toBe(eddsa)
  })

  test('refuses an algorithm until its first key is active', async () => {
    const ring = await startRing(kind)
    const refused = { code: 'keyring_unavailable', reason: 'no RS256 token key is active' }
    await expect(Promise.resolve(ring.keyring.signer('token', undefined, 'RS256'))).rejects.toMatchObject(refused)
    await insertActiveKey(ring, 'RS256')
    expect(await ring.keyring.activeAlgorithms('token')).toEqual(['ES256', 'RS256'])
    ring.clock.advance(-1)
    expect(await ring.keyring.activeAlgorithms('token')).toEqual([])
    ring.clock.advance(1)
    expect((await ring.keyring.signer('token', undefined, 'RS256')).algorithm).toBe('RS256')
  })

  test('is ready while ES256 can sign, and says which other key cannot', async () => {
    const ring = await startRing(kind)
    const kid = await insertActiveKey(ring, 'PS256')
    await ring.db.update(signingKeys).set({ sealedPrivateKey: 'mintage1.x' }).where(eq(signingKeys.kid, kid))
    await ring.keyring.signer('token')
    expect(ring.keyring.state()).toMatchObject({ usable: true, reason: expect.stringContaining(kid) })
    expect(await ring.keyring.activeAlgorithms('token')).toEqual(['ES256'])
  })
})
