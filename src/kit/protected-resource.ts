/** The metadata that a protected resource publishes (RFC 9728 §2). */
export type ProtectedResource = {
  /** Pass it to `requireAccessToken({ resourceMetadata })`. */
  readonly metadataUrl: string
  /** The path at which your application serves `document` as JSON. */
  readonly path: string
  readonly document: {
    readonly resource: string
    readonly authorization_servers: readonly [string]
    readonly bearer_methods_supported: readonly ['header']
    readonly scopes_supported?: readonly string[]
  }
}

/**
 * The metadata of the resource that a verifier protects. `resource` is exactly the verifier's audience. The well-known
 * path goes between host and path (RFC 9728 §3.1). Does not serve the document: your application does.
 *
 * Throws a TypeError unless the audience is a URL without a fragment.
 *
 * @example
 * ```ts
 * import { Hono } from 'hono'
 * import { protectedResource, requireAccessToken } from 'mintage/hono'
 * import { createVerifier } from 'mintage/verify'
 *
 * const verifier = createVerifier({ issuer: 'https://auth.example', audience: 'https://api.example' })
 * const resource = protectedResource({ verifier, scopes: ['orders:read'] })
 *
 * const app = new Hono()
 * app.get(resource.path, (c) => c.json(resource.document))
 * app.use('/orders/*', requireAccessToken({ verifier, resourceMetadata: resource.metadataUrl }))
 * ```
 */
export function protectedResource(options: {
  verifier: { readonly issuer: string; readonly audience: string }
  scopes?: readonly string[] | undefined
}): ProtectedResource {
  const { issuer, audience } = options.verifier
  if (!URL.canParse(audience) || audience.includes('#'))
    throw new TypeError('the audience must be a URL without a fragment')
  const { origin, pathname, search } = new URL(audience)
  const path = `/.well-known/oauth-protected-resource${pathname.replace(/\/$/, '')}`
  return {
    metadataUrl: `${origin}${path}${search}`,
    path,
    document: {
      resource: audience,
      authorization_servers: [issuer],
      bearer_methods_supported: ['header'],
      ...(options.scopes ? { scopes_supported: options.scopes } : {}),
    },
  }
}
