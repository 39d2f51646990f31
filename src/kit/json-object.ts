import { decodeBase64url } from './base64url.ts'

export type JsonObject = { readonly [name: string]: unknown }

/** The deepest nesting accepted. No sensible claim is nested deeper. */
const deepest = 32

/**
 * Reads the JSON object in a canonical base64url part and freezes it deeply. Refuses everything that parsers disagree
 * on: invalid UTF-8, a byte order mark, values that are not an object, and more than 32 levels. Also refuses two
 * members with the same name at any depth (RFC 8725 §2.6, RFC 7519 §4), because `JSON.parse` silently keeps the last.
 * Refuses a member named `__proto__`, to protect code that copies claims.
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
  // If the text has more names than the value, JSON.parse dropped a member for a later one with the same name.
  return names === countNames(text) ? value : 'duplicate_member'
}

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/**
 * The member that is silently dropped from `value`, the parsed `text`: one whose name comes twice in an object, or
 * `__proto__`, which copying drops. Undefined = nothing is lost.
 */
export function lostMember(text: string, value: unknown): 'duplicate' | '__proto__' | undefined {
  let count = 0
  const left = [value]
  for (let item = left.pop(); item !== undefined; item = left.pop()) {
    if (typeof item !== 'object' || item === null) continue
    for (const [name, member] of Object.entries(item)) {
      if (name === '__proto__') return '__proto__'
      if (!Array.isArray(item)) count += 1
      left.push(member)
    }
  }
  return count === countNames(text) ? undefined : 'duplicate'
}

// With `ignoreBOM`, the decoder keeps a byte order mark in the text, and JSON.parse then refuses it.
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Number of names in the value. NaN if it is too deep or contains a forbidden name. */
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

/** Number of names in the text: in valid JSON, that is the number of colons outside strings. */
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
