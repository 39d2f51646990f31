import { type Column, eq, type SQL } from 'drizzle-orm'
import type { Within } from './authorize.ts'

/** The condition that keeps a query to the organizations that the caller may touch; undefined = no condition. */
export function organizationWithin(organizationId: Column, within: Within): SQL | undefined {
  return within === 'everywhere' ? undefined : eq(organizationId, within.organizationId)
}
