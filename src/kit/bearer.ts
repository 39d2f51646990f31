/**
 * Anything that returns a header by its lower-case name: `Headers`, or a thin wrapper around another framework's
 * headers.
 */
export type HeadersLike = { get(name: string): string | null | undefined }

type BearerCredential =
  | { readonly kind: 'token'; readonly token: string }
  /** No `Authorization` header, or one with another scheme. */
  | { readonly kind: 'none' }
  /** More than one credential, or a scheme without a credential: RFC 6750 §3.1 `invalid_request`. */
  | { readonly kind: 'malformed' }

/**
 * Reads the credential from `Authorization: Bearer` (RFC 6750 §2.1): the scheme in any case, exactly one space, one
 * token.
 *
 * Two `Authorization` headers arrive joined by a comma. No token contains a comma, so a comma is always malformed.
 *
 * Does not check the token (the verifier does), the URL (`hasAccessTokenInQuery`) or the body (RFC 6750 §2.2 is not
 * supported).
 */
export function readBearer(headers: HeadersLike): BearerCredential {
  const authorization = headers.get('authorization')
  if (!authorization) return none
  if (authorization.includes(',')) return malformed
  if (!/^bearer(?: |$)/i.test(authorization)) return none
  const token = authorization.slice('bearer '.length)
  // Plain searches instead of a regular expression: this runs on every request, and tokens are long.
  return token === '' || token.includes(' ') || token.includes('\t') ? malformed : { kind: 'token', token }
}

/**
 * Detects tokens in the URL, which are refused (RFC 6750 §2.3): URLs end up in logs, histories and referrers (RFC 9700
 * §4.3.2). Sees percent-encoded names too.
 */
export function hasAccessTokenInQuery(url: string): boolean {
  const start = url.indexOf('?')
  if (start === -1) return false
  const query = url.slice(start + 1)
  // The regular expression saves parsing most queries.
  return /access_token|%/i.test(query) && new URLSearchParams(query).has('access_token')
}

const none = { kind: 'none' } as const
const malformed = { kind: 'malformed' } as const
