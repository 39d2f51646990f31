import type { Services } from '../services.ts'
import { generateKeyPair, type KeyPair } from './key-pair.ts'
import type { NewSigningKey } from './queries.ts'
import type { KeySeries } from './ring.ts'
import { sealPrivateKey } from './sealing.ts'

/**
 * A key that is ready to be published. It is generated and sealed before the transaction starts, because the
 * transaction must not wait for RSA or for a remote KEK.
 */
export type SealedKey = Pick<NewSigningKey, 'kid' | 'publicJwk' | 'sealedPrivateKey' | 'origin'> & KeySeries

export async function generateSealedKey(
  services: Pick<Services, 'keyEncryption'>,
  series: KeySeries,
): Promise<SealedKey> {
  return await sealKey(services, series, await generateKeyPair(series.algorithm), 'generated')
}

export async function sealKey(
  { keyEncryption }: Pick<Services, 'keyEncryption'>,
  { algorithm, purpose }: KeySeries,
  { kid, publicJwk, privateJwk }: KeyPair,
  origin: 'generated' | 'imported',
): Promise<SealedKey> {
  const sealedPrivateKey = await sealPrivateKey(keyEncryption, { kid, purpose, algorithm }, privateJwk)
  return { kid, algorithm, purpose, publicJwk, sealedPrivateKey, origin }
}
