/** Anything that returns a header by its lower-case name: `Headers`, or a thin wrapper of another framework's headers. */
export type HeadersLike = { get(name: string): string | null | undefined }

type BearerCredential =
  | { readonly kind: 'token'; readonly token: string }
  /** No `Authorization` header, or one with another scheme. */
  | { readonly kind: 'none' }
  /** More than one credential, or none after the scheme: RFC 6750 §3.1 `invalid_request`. */
  | { readonly kind: 'malformed' }

/**
 * The credential of `Authorization: Bearer` (RFC 6750 §2.1): the scheme in any case, exactly one space, one token.
 *
 * Two `Authorization` headers arrive joined by a comma, which no token contains: a comma is always malformed, whatever the schemes.
 * Does not check the token (the verifier does), the URL (`hasAccessTokenInQuery`) or the body (RFC 6750 §2.2 is not supported).
 */
export function readBearer(headers: HeadersLike): BearerCredential {
  const authorization = headers.get('authorization')
  if (!authorization) return none
  if (authorization.includes(',')) return malformed
  if (!/^bearer(?: |$)/i.test(authorization)) return none
  const token = authorization.slice('bearer '.length)
  // Plain searches: this runs on every request, and a token is long.
  return token === '' || token.includes(' ') || token.includes('\t') ? malformed : { kind: 'token', token }
}

/** RFC 6750 §2.3 is refused: URLs end up in logs, histories and referrers (RFC 9700 §4.3.2). Sees percent-encoded names too. */
export function hasAccessTokenInQuery(url: string): boolean {
  const start = url.indexOf('?')
  if (start === -1) return false
  const query = url.slice(start + 1)
  // Most queries need not be parsed.
  return /access_token|%/i.test(query) && new URLSearchParams(query).has('access_token')
}

const none = { kind: 'none' } as const
const malformed = { kind: 'malformed' } as const
