import { asc, desc, lt, type SQL, sql } from 'drizzle-orm'
import { apiKeys } from '../db/schema.ts'
import type { ApiKeyOrder, Place } from './order.ts'

export function orderBy(sort: ApiKeyOrder, lastUsedAt: SQL): SQL[] {
  switch (sort) {
    case 'newest':
      return [desc(apiKeys.id)]
    case 'lastUsed':
      return [sql`${lastUsedAt} desc nulls last`, desc(apiKeys.id)]
    case 'longestUnused':
      return [sql`${lastUsedAt} asc nulls first`, asc(apiKeys.id)]
    default:
      throw sort satisfies never
  }
}

/** The condition that a key comes after the place. Never used counts as before every use. */
export function isAfter(sort: ApiKeyOrder, { id, lastUsedAt: placed }: Place, lastUsedAt: SQL): SQL {
  if (sort === 'newest') return lt(apiKeys.id, id)
  const used = sql`coalesce(${lastUsedAt}, '-infinity')`
  const place = sql`(${placed?.toISOString() ?? '-infinity'}::timestamptz, ${id})`
  return sort === 'lastUsed' ? sql`(${used}, ${apiKeys.id}) < ${place}` : sql`(${used}, ${apiKeys.id}) > ${place}`
}
