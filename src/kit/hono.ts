import type { Context, MiddlewareHandler } from 'hono'
import { AccessTokenError } from './access-token-error.ts'
import { createGuard, type GuardOptions } from './guard.ts'
import type { AccessToken } from './token/access-token.ts'

export { AccessTokenError, type AccessTokenErrorCode, type AccessTokenErrorReason } from './access-token-error.ts'
export { type ProtectedResource, protectedResource } from './protected-resource.ts'
export type { AccessToken } from './token/access-token.ts'

/** Adds what `requireAccessToken` sets to the context type of the application's Hono. */
declare module 'hono' {
  interface ContextVariableMap {
    /** The verified token. Undefined on routes without `requireAccessToken`, although the type does not say so. */
    accessToken: AccessToken
  }
}

type RequireAccessTokenOptions = GuardOptions & {
  /**
   * Called before each refusal is sent, for logs and counters. `error.reason` is the exact reason, which the caller
   * does not see.
   */
  readonly onRefused?: ((error: AccessTokenError, c: Context) => void) | undefined
}

/**
 * Lets a request through if it has a valid access token with the required `scope`, and sets `c.var.accessToken`.
 *
 * Refuses as RFC 6750 §3 says: 401 without a token or with a bad one, 403 without the scope, 400 for more than one
 * credential or one in the URL. 503 with `Retry-After` if the token cannot be verified right now. A 401 would make
 * clients throw valid tokens away.
 *
 * Does not check:
 * - whether the subject may access the object that the request names: your handler must decide that;
 * - who sent the token: anyone who has it can use it (RFC 6750 §1.2);
 * - cookies, bodies and query parameters: a token is read from the `Authorization` header only.
 *
 * Applies to every method, including `OPTIONS`, so mount CORS before it. Throws a TypeError for options that cannot
 * work.
 *
 * @example
 * ```ts
 * import { Hono } from 'hono'
 * import { requireAccessToken } from 'mintage/hono'
 * import { createVerifier } from 'mintage/verify'
 *
 * const verifier = createVerifier({ issuer: 'https://auth.example', audience: 'https://api.example' })
 *
 * const app = new Hono()
 * app.use('/orders/*', requireAccessToken({ verifier, scope: 'orders:read' }))
 * app.get('/orders/:id', (c) => c.json({ order: c.req.param('id'), by: c.var.accessToken.clientId }))
 * ```
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
    // A cache must not serve one caller's response to another (RFC 9111 §4.1).
    c.header('Vary', 'Authorization', { append: true })
    await next()
    restoreVary(c)
    return undefined
  }
}

/** A handler may overwrite Vary, or return a new Response without the headers set before. */
function restoreVary(c: Context): void {
  const { headers } = c.res
  const vary = headers.get('vary')
  if (vary === 'Authorization' || vary?.toLowerCase().includes('authorization')) return
  try {
    headers.append('Vary', 'Authorization')
  } catch {
    // The headers of a Response from fetch() are immutable. Hono copies them.
    c.header('Vary', 'Authorization', { append: true })
  }
}
