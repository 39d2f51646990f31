import type { Services } from '../../src/services.ts'
import { generateKeyPair, type KeyPair } from '../../src/signing-keys/key-pair.ts'
import { advanceRingGeneration, insertActivation, insertSigningKey } from '../../src/signing-keys/queries.ts'
import { sealKey } from '../../src/signing-keys/sealed-key.ts'
import type { Algorithm } from '../../src/signing-keys/signer.ts'

/** Inserts a token key of another algorithm that signs at once, without a publish lead. Returns its kid. */
export async function insertActiveKey(
  services: Pick<Services, 'db' | 'keyEncryption' | 'now'>,
  algorithm: Algorithm,
  pair?: KeyPair,
): Promise<string> {
  const now = services.now()
  const series = { algorithm, purpose: 'token' } as const
  const key = await sealKey(services, series, pair ?? (await generateKeyPair(algorithm)), 'generated')
  const activation = { kid: key.kid, sequence: 1, activatesAt: now, createdAt: now, actor: 'system', reason: 'test' }
  await services.db.transaction(async (tx) => {
    await insertSigningKey(tx, { ...key, createdAt: now, createdBy: 'system', publishedAt: now })
    await insertActivation(tx, { ...series, ...activation })
    await advanceRingGeneration(tx)
  })
  return key.kid
}
