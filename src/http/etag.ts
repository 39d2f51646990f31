import type { Context } from 'hono'
import { invalidRequest, ServiceError } from '../errors.ts'
import type { AppEnv } from './context.ts'

/** The `ETag` header of a resource (RFC 9110 §8.8.3). Strong, because each change increases the revision. */
export function tagged({ revision }: { readonly revision: number }): { ETag: string } {
  return { ETag: `"${revision}"` }
}

/**
 * The revision that the caller saw last, from `If-Match`; undefined without the header or with `*`. The operation must
 * compare it in the statement that makes the change. Throws `precondition_failed` for a weak or unknown tag, which
 * matches nothing (RFC 9110 §13.1.1), and `invalid_request` for more than one tag.
 */
export function expectedRevision(c: Context<AppEnv>): number | undefined {
  const header = c.req.header('if-match')
  if (header === undefined || header.trim() === '*') return undefined
  if (header.includes(',')) throw invalidRequest('If-Match has more than one entity tag. Send one.')
  const revision = /^"(\d{1,9})"$/.exec(header.trim())?.[1]
  if (revision === undefined) throw new ServiceError('precondition_failed')
  return Number(revision)
}
