import type { Context } from 'hono'
import { invalidRequest, ServiceError } from '../errors.ts'
import type { AppEnv } from './context.ts'

/** The entity tag of a thing's revision (RFC 9110 §8.8.3): strong, since each change counts the revision up. */
export function etagOf(revision: number): string {
  return `"${revision}"`
}

/**
 * The revision that the caller saw last, from `If-Match`; undefined when it does not mind (no header, or `*`). The operation compares it in
 * the statement that changes the thing, and throws `precondition_failed` when it is another one. Throws `precondition_failed` for a tag that is
 * weak or none of ours, which nothing matches (RFC 9110 §13.1.1), and `invalid_request` for more than one.
 */
export function expectedRevision(c: Context<AppEnv>): number | undefined {
  const header = c.req.header('if-match')
  if (header === undefined || header.trim() === '*') return undefined
  if (header.includes(',')) throw invalidRequest('If-Match takes one entity tag here.')
  const revision = /^"(\d{1,9})"$/.exec(header.trim())?.[1]
  if (revision === undefined) throw new ServiceError('precondition_failed')
  return Number(revision)
}
