import { compactVerify, importJWK } from 'jose'
import type { KeyEncryption, SealContext } from '../crypto/envelope.ts'
import type { Platform } from '../platform.ts'
import { signJwt } from './jwt.ts'
import { type KeyPair, keyPairOf, type PrivateJwk, thumbprint } from './key-pair.ts'
import type { RingKey } from './ring.ts'
import type { Algorithm, KeyPurpose, Signer } from './signer.ts'

type KeyIdentity = { readonly kid: string; readonly purpose: KeyPurpose; readonly algorithm: Algorithm }

/** Returns the envelope for `signing_keys.sealed_private_key`. */
export async function sealPrivateKey(
  keyEncryption: KeyEncryption,
  identity: KeyIdentity,
  privateJwk: PrivateJwk,
): Promise<string> {
  return await keyEncryption.seal(JSON.stringify(privateJwk), sealContext(identity))
}

/**
 * The signer of a stored key. Proves the key by making one signature and verifying it with the public part. Throws
 * `EnvelopeError` if the envelope cannot be opened, and an Error if its content is not the private part of this kid.
 * Errors never contain key material.
 */
export async function openSigner(
  key: RingKey,
  services: { keyEncryption: KeyEncryption; platform: Pick<Platform, 'createSigner'> },
): Promise<Signer> {
  const { kid, algorithm } = key
  const pair = await readKeyPair(await services.keyEncryption.open(key.sealedPrivateKey, sealContext(key)))
  if (pair?.kid !== kid || (await thumbprint(key.publicJwk)) !== kid) {
    throw new Error(`the sealed private key of ${kid} does not belong to it`)
  }
  const signer = { kid, algorithm, sign: await services.platform.createSigner(algorithm, pair.privateJwk) }
  if (!(await signsForItsPublicKey(signer, pair)))
    throw new Error(`the sealed private key of ${kid} does not sign for its public key`)
  return signer
}

/**
 * Not every import compares the public and private parts of a key. A key whose signatures cannot be verified must never
 * sign tokens.
 */
export async function signsForItsPublicKey(signer: Signer, { publicJwk }: KeyPair): Promise<boolean> {
  const token = await signJwt(signer, 'proof', {})
  try {
    await compactVerify(token, await importJWK(publicJwk, signer.algorithm), { algorithms: [signer.algorithm] })
    return true
  } catch {
    return false
  }
}

/**
 * Binds the sealed private key to its row. The version is for the format of the sealed content: JSON of a private JWK.
 */
export function sealContext({
  purpose,
  kid,
  algorithm,
}: {
  purpose: KeyPurpose
  kid: string
  algorithm: string
}): SealContext {
  return { purpose, table: 'signing_keys', id: kid, version: 1, algorithm }
}

/** Returns undefined instead of throwing the parser's error, because its text quotes the input. */
async function readKeyPair(text: string): Promise<KeyPair | undefined> {
  try {
    const jwk: unknown = JSON.parse(text)
    return typeof jwk === 'object' && jwk !== null ? await keyPairOf({ ...jwk }) : undefined
  } catch {
    return undefined
  }
}
