import { encodeBase64url } from './base64url.ts'
import { nodeCrypto } from './node-crypto.ts'

type Digest = (text: string) => string | Promise<string>

const nodeHash = nodeCrypto?.hash

/**
 * SHA-256 of the text's UTF-8 bytes, base64url without padding (43 characters). With node:crypto it returns a string
 * instead of a promise, a hundred times cheaper than WebCrypto. An unpaired surrogate is hashed as U+FFFD.
 */
export const sha256: Digest = nodeHash
  ? (text) => nodeHash('sha256', text, 'base64url')
  : async (text) => encodeBase64url(await webCryptoSha256(text))

/** The same as 64 lower-case hexadecimal digits, as `sha256sum` prints it. */
export const sha256Hex: Digest = nodeHash
  ? (text) => nodeHash('sha256', text, 'hex')
  : async (text) => Array.from(await webCryptoSha256(text), (byte) => byte.toString(16).padStart(2, '0')).join('')

async function webCryptoSha256(text: string): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text)))
}
