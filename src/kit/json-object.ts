import { decodeBase64url } from './base64url.ts'

export type JsonObject = { readonly [name: string]: unknown }

/** Deeper than any claim that is worth signing. */
const deepest = 32

/**
 * The JSON object in one canonical base64url part, frozen to its depth. Refuses what parsers disagree on: invalid UTF-8 and a byte
 * order mark, anything but an object, more than 32 levels, and two members of one name at any depth (RFC 8725 §2.6, RFC 7519 §4), of
 * which `JSON.parse` keeps the last. A member named `__proto__` is refused for the sake of those who copy claims.
 */
export function readJsonObject(part: string): JsonObject | 'malformed' | 'not_an_object' | 'duplicate_member' {
  let text: string
  let value: unknown
  try {
    text = utf8.decode(decodeBase64url(part))
    value = JSON.parse(text)
  } catch {
    return 'malformed'
  }
  if (!isJsonObject(value)) return 'not_an_object'
  const names = freezeAndCountNames(value, 1)
  if (Number.isNaN(names)) return 'malformed'
  // What is lost between the text and the value are members that a later one of the same name replaced.
  return names === countNames(text) ? value : 'duplicate_member'
}

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

// `ignoreBOM` keeps a byte order mark in the text, where JSON.parse refuses it.
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Names in the value; NaN when it is too deep or holds a name that is refused. */
function freezeAndCountNames(value: object, depth: number): number {
  if (depth > deepest) return Number.NaN
  let count = 0
  if (Array.isArray(value)) {
    for (const item of value) {
      if (typeof item === 'object' && item !== null) count += freezeAndCountNames(item, depth + 1)
    }
  } else {
    for (const [name, member] of Object.entries(value)) {
      if (name === '__proto__') return Number.NaN
      count += 1
      if (typeof member === 'object' && member !== null) count += freezeAndCountNames(member, depth + 1)
    }
  }
  Object.freeze(value)
  return count
}

/** Names in the text: in valid JSON, the colons outside of strings. */
function countNames(json: string): number {
  let count = 0
  let inString = false
  for (let index = 0; index < json.length; index += 1) {
    const character = json.charCodeAt(index)
    if (inString) {
      if (character === backslash) index += 1
      else if (character === quote) inString = false
    } else if (character === quote) inString = true
    else if (character === colon) count += 1
  }
  return count
}

const quote = 0x22
const colon = 0x3a
const backslash = 0x5c
