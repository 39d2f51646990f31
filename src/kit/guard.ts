import { AccessTokenError } from './access-token-error.ts'
import { type HeadersLike, hasAccessTokenInQuery, readBearer } from './bearer.ts'
import type { AccessToken } from './token/access-token.ts'
import { isScope } from './token/claims.ts'
import { hasScopes } from './token/held-scopes.ts'
import type { AccessTokenVerifier } from './verifier.ts'

export type GuardOptions = {
  /** A verifier for exactly one audience. A verifier that accepts any audience would protect nothing. */
  readonly verifier: AccessTokenVerifier & { readonly audience: string }
  /**
   * The token must have all of these: one scope, several separated by a space, or a list. With `any`, one from the list
   * is enough. A wildcard in the token covers narrower scopes: `orders:*` and `*` cover `orders:read`. To satisfy a
   * required wildcard, the token needs the same wildcard or a wider one.
   */
  readonly scope?: string | readonly string[] | { readonly any: readonly string[] } | undefined
  /** The realm of the challenge (RFC 9110 §11.5). Default: the verifier's audience. */
  readonly realm?: string | undefined
  /** URL of the protected-resource metadata, sent in the challenge (RFC 9728 §5.1). */
  readonly resourceMetadata?: string | undefined
}

/** The response to a refused request. Never contains the token or the reason. */
type Refusal = {
  readonly status: 400 | 401 | 403 | 503
  readonly headers: Readonly<Record<string, string>>
  /** RFC 9457 problem document. */
  readonly body: string
}

type Guard = {
  /** The verified token of a request. Throws, or rejects with, `AccessTokenError`. */
  admit(headers: HeadersLike, url: string): AccessToken | Promise<AccessToken>
  /** The response for the caller (RFC 6750 §3). */
  refusal(error: AccessTokenError): Refusal
}

/** The code that the middleware of every framework shares. Throws a TypeError for options that cannot work. */
export function createGuard(options: GuardOptions): Guard {
  const { verifier } = options
  if (typeof verifier?.verify !== 'function' || typeof verifier.audience !== 'string') {
    throw new TypeError('verifier must come from createVerifier({ issuer, audience })')
  }
  const { scopes: required, which } = checkedScopes(options.scope)
  const realm = `Bearer realm=${quoted('realm', options.realm ?? verifier.audience)}`
  const metadata = options.resourceMetadata
  if (metadata !== undefined && !URL.canParse(metadata)) throw new TypeError('resourceMetadata must be a URL')
  const suffix = metadata === undefined ? '' : `, resource_metadata=${quoted('resourceMetadata', metadata)}`

  function withScopes(token: AccessToken): AccessToken {
    if (required && !hasScopes(token.scopes, required, which)) throw new AccessTokenError('insufficient_scope', 'scope')
    return token
  }

  function challenge(attributes: string): string {
    return `${realm}${attributes}${suffix}`
  }

  return {
    admit(headers, url) {
      if (hasAccessTokenInQuery(url)) throw new AccessTokenError('invalid_request', 'credential_in_url')
      const credential = readBearer(headers)
      if (credential.kind === 'malformed') throw new AccessTokenError('invalid_request', 'credential_malformed')
      if (credential.kind === 'none') throw new AccessTokenError('invalid_token', 'missing')
      const token = verifier.verify(credential.token)
      return token instanceof Promise ? token.then(withScopes) : withScopes(token)
    },
    refusal(error) {
      switch (error.code) {
        case 'invalid_token':
          // Without a token, the challenge has no error attribute (RFC 6750 §3.1).
          if (error.reason === 'missing') return refuse(401, 'Unauthorized', needsToken, challenge(''))
          return refuse(401, 'Unauthorized', badToken, challenge(errorAttributes('invalid_token', badToken)))
        case 'insufficient_scope': {
          const scope = required ? `, scope="${required.join(' ')}"` : ''
          return refuse(
            403,
            'Forbidden',
            lacksScope,
            challenge(errorAttributes('insufficient_scope', lacksScope) + scope),
          )
        }
        case 'invalid_request':
          return refuse(400, 'Bad Request', badRequest, challenge(errorAttributes('invalid_request', badRequest)))
        case 'unavailable': {
          const { headers, ...rest } = refuse(503, 'Service Unavailable', cannotTell)
          return { ...rest, headers: { ...headers, 'Retry-After': String(error.retryAfterSeconds ?? 1) } }
        }
        default:
          return error.code satisfies never
      }
    },
  }
}

const needsToken = 'This resource needs an access token in the Authorization header.'
// One text for all of them: callers must not learn whether a token is expired, revoked, forged or for another audience.
const badToken = 'The access token is malformed, expired, revoked or not meant for this resource.'
const lacksScope = 'The access token does not have the scope that this resource needs.'
const badRequest = 'Send exactly one access token, as Authorization: Bearer, and none in the URL.'
const cannotTell = 'Cannot verify the token right now. It may be valid: try again.'

function refuse(status: Refusal['status'], title: string, detail: string, challenge?: string): Refusal {
  return {
    status,
    headers: {
      'Content-Type': 'application/problem+json',
      'Cache-Control': 'no-store',
      Vary: 'Authorization',
      ...(challenge === undefined ? {} : { 'WWW-Authenticate': challenge }),
    },
    body: JSON.stringify({ type: 'about:blank', title, status, detail }),
  }
}

function errorAttributes(error: string, description: string): string {
  return `, error="${error}", error_description="${description}"`
}

function checkedScopes(scope: GuardOptions['scope']): { scopes: readonly string[] | undefined; which: 'all' | 'any' } {
  if (scope === undefined) return { scopes: undefined, which: 'all' }
  const which = typeof scope === 'object' && scope !== null && 'any' in scope ? 'any' : 'all'
  const scopes = listOf(scope)
  const areTokens = scopes.every(
    (name) => typeof name === 'string' && name !== '' && !name.includes(' ') && isScope(name),
  )
  if (scopes.length === 0 || !areTokens)
    throw new TypeError(
      'scope must be scope tokens (RFC 6749 §3.3): a list, a text with one space between them, or { any: [a list] }',
    )
  return { scopes: [...new Set(scopes)], which }
}

/** Empty for any other form, which the caller then refuses: a typo in the condition must not disable the check. */
function listOf(scope: Exclude<GuardOptions['scope'], undefined>): readonly string[] {
  if (typeof scope === 'string') return scope.split(' ')
  const list = 'any' in scope ? scope.any : scope
  return Array.isArray(list) && (!('any' in scope) || Object.keys(scope).length === 1) ? list : []
}

/** RFC 9110 §5.6.4. */
function quoted(name: string, text: string): string {
  if (!/^[\x20-\x7e]+$/.test(text)) throw new TypeError(`${name} must be ASCII without control characters`)
  return `"${text.replace(/["\\]/g, '\\$&')}"`
}
