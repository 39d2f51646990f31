import { z } from '@hono/zod-openapi'
import { jsonAnswer } from './route.ts'
import { flag } from './schemas.ts'

// A DELETE has no body (RFC 9110 §9.3.5), so what a POST takes as members is in the query.

const dryRun = flag.openapi({ type: 'boolean', description: 'Report what would break, and change nothing' })

export const deletion = z.strictObject({ dryRun })

/** `force` allows what the description says. */
export function forcedDeletion(description: string) {
  return deletion.extend({ force: flag.openapi({ type: 'boolean', description }) })
}

/** The answers of a DELETE that has a dry run. */
export function deletedOr<Trial extends z.ZodType>(trial: Trial) {
  return { 200: jsonAnswer('Dry run only: what would break', trial), 204: { description: 'Deleted' } }
}
