import type { Context, Hono } from 'hono'
import { verifierNameHeader } from '../kit/key-sets/verifier-name.ts'
import type { AppEnv } from './context.ts'
import { methodNotAllowed } from './error-response.ts'

export type PublicDocument = {
  readonly body: string
  /** Strong, with its quotes (RFC 9110 §8.8.3). */
  readonly etag: string
  readonly contentType: string
  readonly maxAgeSeconds: number
  /** Value of the `Vary` header: caches keep one answer for each value of these request headers. */
  readonly vary?: string
  /** Shared caches must not store this answer. */
  readonly isPrivate?: boolean
}

/** A public document: any origin may read it and caches may store it. Answers 304 to a matching If-None-Match. */
export function publicDocumentRoute(
  app: Hono<AppEnv>,
  path: string,
  read: (c: Context<AppEnv>) => Promise<PublicDocument | Response>,
): void {
  app.get(path, async (c) => {
    const document = await read(c)
    if (document instanceof Response) return document
    const headers = {
      ...openToAnyOrigin,
      ETag: document.etag,
      'Cache-Control': `${document.isPrivate ? 'private' : 'public'}, max-age=${document.maxAgeSeconds}`,
      ...(document.vary === undefined ? {} : { Vary: document.vary }),
      'Access-Control-Expose-Headers': 'ETag',
    }
    if (matches(c.req.header('if-none-match'), document.etag)) return new Response(null, { status: 304, headers })
    return new Response(document.body, {
      headers: { ...headers, 'Content-Type': document.contentType, 'X-Content-Type-Options': 'nosniff' },
    })
  })
  app.options(path, () => new Response(null, { status: 204, headers: { ...openToAnyOrigin, ...preflight } }))
  app.all(path, (c) => methodNotAllowed(c, 'GET, HEAD, OPTIONS'))
}

const openToAnyOrigin = { 'Access-Control-Allow-Origin': '*' }
const preflight = {
  'Access-Control-Allow-Methods': 'GET, HEAD',
  'Access-Control-Allow-Headers': `If-None-Match, Cache-Control, ${verifierNameHeader}`,
  'Access-Control-Max-Age': '86400',
}

/** Weak comparison, as RFC 9110 §13.1.2 requires for If-None-Match. */
function matches(ifNoneMatch: string | undefined, etag: string): boolean {
  if (ifNoneMatch === undefined) return false
  if (ifNoneMatch.trim() === '*') return true
  return ifNoneMatch.split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag)
}
