import { importJWK } from 'jose'
import { encodeBase64Url } from '../crypto/base64.ts'
import type { Algorithm, SignBytes } from './signer.ts'

const encoder = new TextEncoder()

/** Signs by WebCrypto, which gives r‖s as JWS wants it (RFC 7518 §3.4). Runs everywhere; Node has der-signer.node.ts. */
export async function createSigner(algorithm: Algorithm, privateJwk: JsonWebKey): Promise<SignBytes> {
  const key = await importJWK({ ...privateJwk, ext: false }, algorithm)
  if (!(key instanceof CryptoKey) || key.type !== 'private') throw new TypeError('the JWK holds no private key')
  return async (signingInput) => {
    const signature = await crypto.subtle.sign({ name: 'ECDSA', hash: 'SHA-256' }, key, encoder.encode(signingInput))
    return encodeBase64Url(new Uint8Array(signature))
  }
}
