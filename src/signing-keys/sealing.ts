import type { KeyEncryption, SealContext } from '../crypto/envelope.ts'
import type { Platform } from '../platform.ts'
import { type KeyPair, publicMembers, thumbprint } from './key-pair.ts'
import type { RingKey } from './ring.ts'
import type { Algorithm, KeyPurpose, Signer } from './signer.ts'

type KeyIdentity = { readonly kid: string; readonly purpose: KeyPurpose; readonly algorithm: Algorithm }

/** The envelope for `signing_keys.sealed_private_key`. */
export async function sealPrivateKey(
  keyEncryption: KeyEncryption,
  identity: KeyIdentity,
  privateJwk: KeyPair['privateJwk'],
): Promise<string> {
  return await keyEncryption.seal(JSON.stringify(privateJwk), sealContext(identity))
}

/**
 * The signer of a stored key. Throws `EnvelopeError` when the envelope does not open, and an Error when what is inside is not the
 * private part of this kid. No error holds key material.
 */
export async function openSigner(
  key: RingKey,
  services: { keyEncryption: KeyEncryption; platform: Pick<Platform, 'createSigner'> },
): Promise<Signer> {
  const { kid, algorithm } = key
  const privateJwk = parsePrivateJwk(await services.keyEncryption.open(key.sealedPrivateKey, sealContext(key)))
  if (!privateJwk || (await thumbprint(privateJwk)) !== kid || (await thumbprint(key.publicJwk)) !== kid) {
    throw new Error(`the sealed private key of ${kid} does not belong to it`)
  }
  return { kid, algorithm, sign: await services.platform.createSigner(algorithm, privateJwk) }
}

/** The version is that of the sealed content: JSON of a private JWK. */
function sealContext({ purpose, kid, algorithm }: KeyIdentity): SealContext {
  return { purpose, table: 'signing_keys', id: kid, version: 1, algorithm }
}

/** Undefined rather than an error of the parser, whose text quotes what it could not read. */
function parsePrivateJwk(text: string): (Record<string, string> & { d: string }) | undefined {
  try {
    const jwk: unknown = JSON.parse(text)
    if (typeof jwk !== 'object' || jwk === null || !('d' in jwk) || typeof jwk.d !== 'string') return undefined
    return { ...publicMembers({ ...jwk }), d: jwk.d }
  } catch {
    return undefined
  }
}
