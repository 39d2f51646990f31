import { decodeBase64url, encodeBase64url } from '../base64url.ts'
import { sha256 } from '../digest.ts'
import type { RevocableToken } from './revocation-list.ts'
import { namesOfToken } from './rules.ts'

/**
 * A rule's name as the public feed writes it: the first 16 bytes of the SHA-256 of `kind:value`, base64url (22
 * characters). Anyone who knows a name can find its rules. Names cannot be read from the feed, but they can be guessed.
 * Returns no promise if node:crypto is available.
 */
export function hashedName(name: string): string | Promise<string> {
  const digest = sha256(name)
  return typeof digest === 'string' ? truncate(digest) : digest.then(truncate)
}

/** The names of a token, hashed. */
export function hashedNamesOfToken(token: RevocableToken): readonly string[] | Promise<readonly string[]> {
  const names = namesOfToken(token).map(hashedName)
  return names.every((name) => typeof name === 'string') ? names : Promise.all(names)
}

/** The first 128 of the 256 bits. */
function truncate(digest: string): string {
  return encodeBase64url(decodeBase64url(digest).subarray(0, 16))
}
