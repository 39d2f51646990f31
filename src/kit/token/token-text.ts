/** The text of a compact JWS (RFC 7515 §7.1), cut but not parsed. All parts are canonical base64url. */
export type TokenText = {
  readonly text: string
  readonly header: string
  readonly payload: string
  readonly signature: string
  /** Header and payload with their dot: what was signed (RFC 7515 §5.1). */
  readonly signingInput: string
}

/** Node refuses header lines of 16 KB; half of it leaves room for everything else that a request carries. */
export const longestTokenText = 8192

/**
 * Refuses every text that a lenient parser would read as some other text's token, before anything is parsed: length, alphabet,
 * exactly three parts, no padding, spare bits zero (RFC 4648 §3.5). So a token has one spelling, and its hash can stand for it.
 *
 * JWE (five parts), JSON serialization and nested quoting end here. Does not decode anything.
 */
export function readTokenText(text: string): TokenText | 'too_long' | 'malformed' {
  if (text.length > longestTokenText) return 'too_long'
  // Linear: no class holds the dot. `split` would allocate a string for each of a thousand dots.
  if (!/^[\w-]+\.[\w-]+\.[\w-]+$/.test(text)) return 'malformed'
  const first = text.indexOf('.')
  const second = text.lastIndexOf('.')
  const header = text.slice(0, first)
  const payload = text.slice(first + 1, second)
  const signature = text.slice(second + 1)
  if (!isCanonical(header) || !isCanonical(payload) || !isCanonical(signature)) return 'malformed'
  return { text, header, payload, signature, signingInput: text.slice(0, second) }
}

/** The bits of the last character that no byte takes must be zero, or several texts would decode to the same bytes. */
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
