import type { Context } from 'hono'
import type { ExpectedRevision } from '../access/precondition.ts'
import type { AppEnv } from './context.ts'

/** The `ETag` header of a resource (RFC 9110 §8.8.3). Strong, because each change increases the revision. */
export function tagged({ revision }: { readonly revision: number }): { ETag: string } {
  return { ETag: `"${revision}"` }
}

/** What `If-Match` asks for; undefined without the header or with `*`. The gate for changes compares it. */
export function expectedRevision(c: Context<AppEnv>): ExpectedRevision | undefined {
  const tag = c.req.header('if-match')?.trim()
  if (tag === undefined || tag === '*') return undefined
  if (tag.includes(',')) return 'several'
  if (tag.startsWith('W/')) return 'weak'
  const revision = /^"(\d{1,9})"$/.exec(tag)?.[1]
  return revision === undefined ? 'foreign' : Number(revision)
}
