import type { Services } from '../../src/services.ts'
import { generateKeyPair, type KeyPair } from '../../src/signing-keys/key-pair.ts'
import { advanceRingGeneration, insertActivation, insertSigningKey } from '../../src/signing-keys/queries.ts'
import { sealPrivateKey } from '../../src/signing-keys/sealing.ts'
import type { Algorithm } from '../../src/signing-keys/signer.ts'

/** A token key of another algorithm that signs from now on, as if it had been published long ago: gives its kid. A pair of its own unless told. */
export async function addSigningKey(
  services: Pick<Services, 'db' | 'keyEncryption' | 'now'>,
  algorithm: Algorithm,
  pair?: KeyPair,
): Promise<string> {
  const now = services.now()
  const { kid, publicJwk, privateJwk } = pair ?? (await generateKeyPair(algorithm))
  const line = { algorithm, purpose: 'token' } as const
  const sealedPrivateKey = await sealPrivateKey(services.keyEncryption, { kid, ...line }, privateJwk)
  const by = { createdAt: now, createdBy: 'system' }
  await services.db.transaction(async (tx) => {
    await insertSigningKey(tx, {
      kid,
      ...line,
      ...by,
      publicJwk,
      sealedPrivateKey,
      origin: 'generated',
      publishedAt: now,
    })
    await insertActivation(tx, {
      kid,
      ...line,
      sequence: 1,
      activatesAt: now,
      createdAt: now,
      actor: 'system',
      reason: 'test',
    })
    await advanceRingGeneration(tx)
  })
  return kid
}
