import { constants, createPrivateKey, type KeyObject, type SignKeyObjectInput, sign } from 'node:crypto'
import { signatureFromDer } from './der-signature.ts'
import type { Algorithm, SignBytes } from './signer.ts'

/**
 * Signs on Node with node:crypto. ES256 and EdDSA take about 20 µs and sign synchronously, because a thread would cost
 * more than it saves. RS256, PS256 and ES384 take at least ten times as long and sign in a thread, so that the event
 * loop is not blocked.
 *
 * ECDSA: OpenSSL's native form is DER. Node's path for r‖s is slower, so parsing the DER here halves the cost of an
 * ES256 signature (bench/ checks whether that is still true).
 *
 * Throws a TypeError unless the key is a private key for the algorithm.
 */
export async function createSigner(algorithm: Algorithm, privateJwk: JsonWebKey): Promise<SignBytes> {
  const key = createPrivateKey({ key: { ...privateJwk }, format: 'jwk' })
  if (!suits(algorithm, key)) throw new TypeError(`the key cannot be used with ${algorithm}`)
  switch (algorithm) {
    case 'ES256':
      return (signingInput) => signatureFromDer(sign('sha256', bytesOf(signingInput), key), 32).toString('base64url')
    case 'EdDSA':
      return (signingInput) => sign(null, bytesOf(signingInput), key).toString('base64url')
    case 'ES384':
      return async (signingInput) =>
        signatureFromDer(await signByThread('sha384', signingInput, { key }), 48).toString('base64url')
    case 'RS256': {
      const padding = constants.RSA_PKCS1_PADDING
      return async (signingInput) =>
        (await signByThread('sha256', signingInput, { key, padding })).toString('base64url')
    }
    case 'PS256': {
      const pss = { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }
      return async (signingInput) => (await signByThread('sha256', signingInput, pss)).toString('base64url')
    }
    default:
      return algorithm satisfies never
  }
}

const leastModulusBits = 2048

function suits(algorithm: Algorithm, { asymmetricKeyType, asymmetricKeyDetails: details }: KeyObject): boolean {
  switch (algorithm) {
    case 'ES256':
      return asymmetricKeyType === 'ec' && details?.namedCurve === 'prime256v1'
    case 'ES384':
      return asymmetricKeyType === 'ec' && details?.namedCurve === 'secp384r1'
    case 'EdDSA':
      return asymmetricKeyType === 'ed25519'
    case 'RS256':
    case 'PS256':
      return asymmetricKeyType === 'rsa' && (details?.modulusLength ?? 0) >= leastModulusBits
    default:
      return algorithm satisfies never
  }
}

function signByThread(digest: string, signingInput: string, key: SignKeyObjectInput): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>()
  sign(digest, bytesOf(signingInput), key, (error, signature) => (error ? reject(error) : resolve(signature)))
  return promise
}

/** A JWS signing input is ASCII. */
function bytesOf(signingInput: string): Buffer {
  return Buffer.from(signingInput, 'latin1')
}
