/** A compact JWS (RFC 7515 §7.1), split but not parsed. All parts are canonical base64url. */
export type TokenText = {
  readonly text: string
  readonly header: string
  readonly payload: string
  readonly signature: string
  /** Header and payload joined by their dot: the input of the signature (RFC 7515 §5.1). */
  readonly signingInput: string
}

/** Node refuses request headers over 16 KB. Half of that leaves room for the other headers. */
export const longestTokenText = 8192

/**
 * Splits a token and checks its form before anything is parsed: length, alphabet, exactly three parts, no padding,
 * unused bits zero (RFC 4648 §3.5). A lenient parser would read several texts as the same token. Here each token has
 * exactly one spelling, so its hash can identify it.
 *
 * Refuses JWE (five parts), JSON serialization and nested quoting. Does not decode anything.
 */
export function readTokenText(text: string): TokenText | 'too_long' | 'malformed' {
  if (text.length > longestTokenText) return 'too_long'
  // Linear, because no class contains the dot. `split` would allocate a string for each of a thousand dots.
  if (!/^[\w-]+\.[\w-]+\.[\w-]+$/.test(text)) return 'malformed'
  const first = text.indexOf('.')
  const second = text.lastIndexOf('.')
  const header = text.slice(0, first)
  const payload = text.slice(first + 1, second)
  const signature = text.slice(second + 1)
  if (!isCanonical(header) || !isCanonical(payload) || !isCanonical(signature)) return 'malformed'
  return { text, header, payload, signature, signingInput: text.slice(0, second) }
}

/** The unused bits of the last character must be zero. Otherwise several texts would decode to the same bytes. */
function isCanonical(part: string): boolean {
  const last = part.charAt(part.length - 1)
  switch (part.length % 4) {
    case 0:
      return true
    case 2:
      return 'AQgw'.includes(last)
    case 3:
      return 'AEIMQUYcgkosw048'.includes(last)
    default:
      return false
  }
}
