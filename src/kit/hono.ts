import type { Context, MiddlewareHandler } from 'hono'
import { AccessTokenError } from './access-token-error.ts'
import { createGuard, type GuardOptions } from './guard.ts'
import type { AccessToken } from './token/access-token.ts'

export { AccessTokenError, type AccessTokenErrorCode, type AccessTokenErrorReason } from './access-token-error.ts'
export { type ProtectedResource, protectedResource } from './protected-resource.ts'
export type { AccessToken } from './token/access-token.ts'

/** Set for the handlers behind `requireAccessToken`. Names of this module only: an application's own Hono is what is extended. */
declare module 'hono' {
  interface ContextVariableMap {
    /** The verified token. Only behind `requireAccessToken`: elsewhere it is undefined, whatever the type says. */
    accessToken: AccessToken
  }
}

export type RequireAccessTokenOptions = GuardOptions & {
  /** Told of every refusal before it is answered, for logs and counters: `error.reason` says what the caller does not learn. */
  readonly onRefused?: ((error: AccessTokenError, c: Context) => void) | undefined
}

/**
 * Lets only requests through that carry a good access token with all of `scope`, and puts the token on `c.var.accessToken`.
 *
 * Refuses as RFC 6750 §3 says: 401 without credentials or with a bad token, 403 without the scope, 400 for more than one credential or
 * one in the URL, 503 with `Retry-After` while it cannot be told (a 401 would make clients throw good tokens away). Applies to every
 * method: mount CORS before it. Reads no cookie, no body and no query parameter.
 *
 * Throws a TypeError for options that cannot work.
 */
export function requireAccessToken(options: RequireAccessTokenOptions): MiddlewareHandler {
  const guard = createGuard(options)
  const { onRefused } = options

  return async function requireAccessToken(c, next) {
    let token: AccessToken
    try {
      const admitted = guard.admit(c.req.raw.headers, c.req.url)
      token = admitted instanceof Promise ? await admitted : admitted
    } catch (error) {
      if (!(error instanceof AccessTokenError)) throw error
      onRefused?.(error, c)
      const { status, headers, body } = guard.refusal(error)
      return new Response(body, { status, headers })
    }
    c.set('accessToken', token)
    // No cache may give one caller's answer to another (RFC 9111 §4.1).
    c.header('Vary', 'Authorization', { append: true })
    await next()
    restoreVary(c)
    return undefined
  }
}

/** A handler may answer with a Response of its own, which has none of the headers that were prepared, or set Vary over. */
function restoreVary(c: Context): void {
  const { headers } = c.res
  const vary = headers.get('vary')
  if (vary === 'Authorization' || vary?.toLowerCase().includes('authorization')) return
  try {
    headers.append('Vary', 'Authorization')
  } catch {
    // The headers of a Response from fetch() cannot be changed; Hono copies it.
    c.header('Vary', 'Authorization', { append: true })
  }
}
