import { sql } from 'drizzle-orm'
import { revocations } from '../db/schema.ts'

/**
 * The number of the last change of a revocation rule; null = no rules. A statement that reads an API key reads this
 * too, so that an exchange notices a rule that this process does not know yet. From the end of an index.
 */
export const revocationMark = sql<number | null>`(select max(changed.sequence) from ${revocations} changed)`.mapWith(
  revocations.sequence,
)
