import { v7 } from 'uuid'
import { encodeBase64url } from '../kit/base64url.ts'

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

/**
 * Random bytes as base64url without padding: 16 bytes, 22 characters, unless told. For names that nobody may guess or meet twice; not for
 * secrets that live long, because bytes wait in a pool until they are drawn: one call for 256 names costs as much as one call for one.
 */
export function randomToken(bytes = 16): string {
  if (drawn + bytes > pool.length) {
    crypto.getRandomValues(pool)
    drawn = 0
  }
  const taken = pool.subarray(drawn, drawn + bytes)
  drawn += bytes
  const text = encodeBase64url(taken)
  taken.fill(0)
  return text
}

const pool = new Uint8Array(4096)
let drawn = pool.length

/**
 * A sortable identifier: `prefix_` and a UUIDv7 (RFC 9562 §5.7) as 32 hexadecimal digits. Ids made by one process sort in the order
 * in which they were made; they tell their millisecond, and they are no secret.
 */
export function newId(prefix: string): string {
  return `${prefix}_${v7().replaceAll('-', '')}`
}

/** What ids begin with, those of planned things too. Nothing that somebody else names may begin so: it could pass for one of them. */
export const idPrefixes: readonly string[] = ['org', 'key', 'rev', 'evt', 'req', 'svc', 'usr', 'whk', 'pln', 'rol']
