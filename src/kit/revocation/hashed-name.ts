import type { RevocableToken } from './revocation-list.ts'
import { namesOfToken } from './rules.ts'

/**
 * A rule's name as the public feed tells it: the first 16 bytes of the SHA-256 of `kind:value`, base64url (22 characters). Whoever knows a
 * name finds its rules; nobody reads names out of it, unless they can be guessed. Without a promise where there is node:crypto.
 */
export function hashedName(name: string): string | Promise<string> {
  if (sha256OfNode) return truncate(sha256OfNode(name))
  return crypto.subtle
    .digest('SHA-256', encoder.encode(name))
    .then((digest) => truncate(base64Url(new Uint8Array(digest))))
}

/** The names of a token, hashed. */
export function hashedNamesOfToken(token: RevocableToken): readonly string[] | Promise<readonly string[]> {
  const names = namesOfToken(token).map(hashedName)
  return names.every((name) => typeof name === 'string') ? names : Promise.all(names)
}

const encoder = new TextEncoder()
const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

/** 128 bits of 256: 21 characters, and of the next one its two highest bits. */
function truncate(sha256: string): string {
  return sha256.slice(0, 21) + alphabet.charAt(alphabet.indexOf(sha256.charAt(21)) & 0b110000)
}

function base64Url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '')
}

const sha256OfNode = loadSha256()

function loadSha256(): ((text: string) => string) | undefined {
  if (typeof process !== 'object' || typeof process.getBuiltinModule !== 'function') return undefined
  const hash = process.getBuiltinModule('node:crypto')?.hash
  return typeof hash === 'function' ? (text) => hash('sha256', text, 'base64url') : undefined
}
