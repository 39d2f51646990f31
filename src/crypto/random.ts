import { v7 } from 'uuid'
import { encodeBase64Url } from './base64.ts'

const base62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

/** The largest multiple of 62 that a byte can reach: bytes from here on are thrown away, or the first characters would come up more often. */
const base62Bound = 248

/** What `getRandomValues` gives at once. */
const largestDraw = 65_536

/** `length` characters of `[0-9A-Za-z]`, each drawn evenly: 5.95 bits a character, so 43 hold 256 bits. */
export function randomBase62(length: number): string {
  let text = ''
  const bytes = new Uint8Array(Math.min(length + (length >> 2) + 8, largestDraw))
  while (text.length < length) {
    for (const byte of crypto.getRandomValues(bytes)) {
      if (byte < base62Bound && text.length < length) text += base62.charAt(byte % 62)
    }
  }
  return text
}

/** Random bytes as base64url without padding: 16 bytes, 22 characters, unless told. */
export function randomToken(bytes = 16): string {
  return encodeBase64Url(crypto.getRandomValues(new Uint8Array(bytes)))
}

/**
 * A sortable identifier: `prefix_` and a UUIDv7 (RFC 9562 §5.7) as 32 hexadecimal digits. Ids made by one process sort in the order
 * in which they were made; they tell their millisecond, and they are no secret.
 */
export function newId(prefix: string): string {
  return `${prefix}_${v7().replaceAll('-', '')}`
}
