import { v7 } from 'uuid'
import { encodeBase64url } from '../kit/base64url.ts'

const base62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

/**
 * The largest multiple of 62 in a byte. Bytes from here on are discarded; otherwise the first characters would be more
 * frequent.
 */
const base62Bound = 248

/** The most that `getRandomValues` returns at once. */
const largestDraw = 65_536

/** `length` characters of `[0-9A-Za-z]`, drawn uniformly: 5.95 bits a character, so 43 characters hold 256 bits. */
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
 * Random bytes as base64url without padding, by default 16 bytes (22 characters). Use it for unguessable, unique names,
 * but not for long-lived secrets: the bytes stay in a pool until they are used. The pool makes 256 names as cheap as
 * one.
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
 * A sortable identifier: `prefix_` and a UUIDv7 (RFC 9562 §5.7) as 32 hexadecimal digits. Ids from one process sort in
 * the order of their creation. They reveal the millisecond and are not secret.
 */
export function newId(prefix: string): string {
  return `${prefix}_${v7().replaceAll('-', '')}`
}

/**
 * The prefixes of all ids, including planned ones. A name that a user chooses must not begin like this: it could be
 * mistaken for an id.
 */
export const idPrefixes: readonly string[] = ['org', 'key', 'rev', 'evt', 'req', 'svc', 'usr', 'whk', 'pln', 'rol']

/** Whether the text has the form of an id that `newId` makes. */
export function isId(text: string): boolean {
  return idPattern.test(text)
}

const idPattern = new RegExp(`^(?:${idPrefixes.join('|')})_[0-9a-f]{32}$`)
