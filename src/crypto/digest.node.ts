import { hash } from 'node:crypto'

/** SHA-256 of the text's UTF-8 bytes, base64url without padding. A hundred times cheaper than WebCrypto's, and without a promise. */
export function sha256Base64Url(text: string): string {
  return hash('sha256', text, 'base64url')
}
