import { randomBase62 } from '../crypto/random.ts'

export type ApiKeyEnvironment = 'live' | 'test'

const digits = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
/** 43 base62 characters hold 256 bits. */
const randomLength = 43
const checksumLength = 6
const tailLength = randomLength + checksumLength
const markLength = '_live_'.length
const pattern = /^[a-z0-9]{2,16}_(?:live|test)_[0-9A-Za-z]{49}$/
const longestPrefix = 16
const longest = longestPrefix + markLength + tailLength

/** How secrets begin unless the operator configures another prefix. */
const defaultApiKeyPrefix = 'mk'
const defaultPrefixes: readonly string[] = [defaultApiKeyPrefix]

/** A new secret: `<prefix>_<environment>_<43 random characters><6 characters CRC-32>`, alphabet `[A-Za-z0-9_]` only. */
export function generateApiKey(environment: ApiKeyEnvironment, prefix = defaultApiKeyPrefix): string {
  const body = `${prefix}_${environment}_${randomBase62(randomLength)}`
  return body + checksum(body)
}

/**
 * Environment and prefix of a secret, or undefined when prefix, length, alphabet or checksum are wrong. The checksum
 * covers prefix, environment and random part, so a typing error or a `test` key respelled as `live` never reaches the
 * database. It proves nothing else: anyone can compute it. `prefixes` = the current one and all previous ones.
 */
export function parseApiKey(
  text: string,
  prefixes = defaultPrefixes,
): { environment: ApiKeyEnvironment; prefix: string } | undefined {
  if (text.length > longest || !pattern.test(text)) return undefined
  const markAt = text.length - tailLength - markLength
  const prefix = text.slice(0, markAt)
  if (!prefixes.includes(prefix) || checksum(text.slice(0, -checksumLength)) !== text.slice(-checksumLength))
    return undefined
  return { environment: text.startsWith('_live_', markAt) ? 'live' : 'test', prefix }
}

/**
 * Whether the text has a secret somewhere in it, with any prefix: also one that the operator no longer uses, or another
 * Mintage service. The checksum makes a false positive practically impossible.
 */
export function containsApiKey(text: string): boolean {
  for (const { index: markAt } of text.matchAll(/_(?:live|test)_(?=[0-9A-Za-z]{49})/g)) {
    const body = text.slice(markAt, markAt + markLength + randomLength)
    const found = text.slice(markAt + body.length, markAt + markLength + tailLength)
    // Letters before the prefix look like a part of it.
    const [letters = ''] = /[a-z0-9]*$/.exec(text.slice(Math.max(0, markAt - longestPrefix), markAt)) ?? []
    for (let length = 2; length <= letters.length; length += 1) {
      if (checksum(letters.slice(-length) + body) === found) return true
    }
  }
  return false
}

/** Whether the text has the shape of a secret or of most of one, with a wrong checksum or cut off. */
export function looksLikeApiKey(text: string): boolean {
  return /[a-z0-9]{2,16}_(?:live|test)_[0-9A-Za-z]{20}/.test(text)
}

/**
 * Whether the text may be a secret that another system created and hashed: 1 to 256 visible ASCII characters that do
 * not start like our own keys. Text that starts like one but failed the checksum is a typing error; looking it up would
 * only help someone who guesses.
 */
export function mayBeForeignSecret(text: string, prefixes = defaultPrefixes): boolean {
  if (text.length > longestSecret || !/^[\x21-\x7e]+$/.test(text)) return false
  return !prefixes.some((prefix) => text.startsWith(`${prefix}_live_`) || text.startsWith(`${prefix}_test_`))
}

/** Of an imported key. Keys of this service are shorter. */
export const longestSecret = 256

/** The last four characters of the random part: people can tell keys apart by them, and 232 bits stay secret. */
export function apiKeyHint(secret: string): string {
  return secret.slice(-checksumLength - 4, -checksumLength)
}

/** CRC-32 (ISO-HDLC, as in zlib) of the ASCII text as six base62 digits, most significant first. */
function checksum(text: string): string {
  let rest = crc32(text)
  let encoded = ''
  for (let position = 0; position < checksumLength; position += 1) {
    encoded = digits.charAt(rest % 62) + encoded
    rest = Math.floor(rest / 62)
  }
  return encoded
}

function crc32(text: string): number {
  let crc = 0xffffffff
  for (let index = 0; index < text.length; index += 1) {
    crc = (crc >>> 8) ^ (crcTable[(crc ^ text.charCodeAt(index)) & 0xff] ?? 0)
  }
  return (crc ^ 0xffffffff) >>> 0
}

const crcTable = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte
  for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1
  return crc
})
