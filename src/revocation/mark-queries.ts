import { sql } from 'drizzle-orm'
import { revocations } from '../db/schema.ts'

/**
 * The last transaction that changed a revocation rule; null = no rules. A statement that reads an API key reads this
 * too, so that an exchange notices a rule that this process does not know yet. From the end of an index.
 */
export const revocationMark = sql<bigint | null>`(select changed.xact_id from ${revocations} changed
  order by changed.xact_id desc limit 1)`.mapWith(revocations.xactId)
