import { compactVerify, errors, importJWK } from 'jose'
import type { PublicJwk } from '../key-sets/jwk.ts'
import { nodeSignatureCheck } from './signature.node.ts'
import type { SignatureCheck } from './signature-check.ts'

/**
 * The check of one key by its own algorithm; the header was compared with it before. Rejects when the key cannot be
 * imported: a point off its curve, for one.
 *
 * What node:crypto does faster, it does without a promise; the rest is jose's. Both are given what WebCrypto imported.
 */
export async function createSignatureCheck(jwk: PublicJwk): Promise<SignatureCheck> {
  const key = await importJWK({ ...jwk }, jwk.alg)
  if (key instanceof Uint8Array) throw new TypeError('not a public key')
  return nodeSignatureCheck(key, jwk.alg) ?? joseSignatureCheck(key, jwk.alg)
}

function joseSignatureCheck(key: CryptoKey, algorithm: string): SignatureCheck {
  const algorithms = algorithm === 'EdDSA' || algorithm === 'Ed25519' ? ['EdDSA', 'Ed25519'] : [algorithm]
  return async (token) => {
    try {
      await compactVerify(token.text, key, { algorithms })
      return true
    } catch (error) {
      if (error instanceof errors.JOSEError) return false
      throw error
    }
  }
}
