import { randomBase62 } from '../crypto/random.ts'

export type ApiKeyEnvironment = 'live' | 'test'

const digits = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
/** 43 base62 characters hold 256 bit. */
const randomLength = 43
const checksumLength = 6
const pattern = /^mk_(live|test)_[0-9A-Za-z]{49}$/
const longest = 'mk_live_'.length + randomLength + checksumLength

/** A new secret: `mk_<environment>_<43 random characters><6 characters CRC-32>`, alphabet `[A-Za-z0-9_]` only. */
export function generateApiKey(environment: ApiKeyEnvironment): string {
  const body = `mk_${environment}_${randomBase62(randomLength)}`
  return body + checksum(body)
}

/**
 * What a secret says about itself, or undefined when it is none of ours: wrong prefix, length, alphabet or checksum.
 * The checksum covers prefix, environment and random part, so a typing error or a `test` key respelled as `live` never
 * reaches the database. It proves no right to anything: anyone can compute it.
 */
export function parseApiKey(text: string): { environment: ApiKeyEnvironment } | undefined {
  if (text.length > longest || !pattern.test(text)) return undefined
  if (checksum(text.slice(0, -checksumLength)) !== text.slice(-checksumLength)) return undefined
  return { environment: text.startsWith('mk_live_') ? 'live' : 'test' }
}

/** The last four characters of the random part: lets a person tell keys apart, and leaves 232 bit unsaid. */
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
