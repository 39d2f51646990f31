/** What a protected resource publishes about itself (RFC 9728 §2). */
export type ProtectedResource = {
  /** For `requireAccessToken({ resourceMetadata })`. */
  readonly metadataUrl: string
  /** Where the application serves `document` as JSON. */
  readonly path: string
  readonly document: {
    readonly resource: string
    readonly authorization_servers: readonly [string]
    readonly bearer_methods_supported: readonly ['header']
    readonly scopes_supported?: readonly string[]
  }
}

/**
 * The metadata of the resource that a verifier guards: `resource` is its audience, letter by letter. The well-known path goes between
 * host and path (RFC 9728 §3.1).
 *
 * ```ts
 * const resource = protectedResource({ verifier })
 * app.get(resource.path, (c) => c.json(resource.document))
 * app.use('/orders/*', requireAccessToken({ verifier, resourceMetadata: resource.metadataUrl }))
 * ```
 *
 * Throws a TypeError when the audience is not a URL without fragment.
 */
export function protectedResource(options: {
  verifier: { readonly issuer: string; readonly audience: string }
  scopes?: readonly string[] | undefined
}): ProtectedResource {
  const { issuer, audience } = options.verifier
  if (!URL.canParse(audience) || audience.includes('#'))
    throw new TypeError('the audience must be a URL without fragment')
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
