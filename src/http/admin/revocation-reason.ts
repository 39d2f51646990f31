import { z } from '@hono/zod-openapi'
import { revocationReasons } from '../../revocation/reasons.ts'
import { text } from './schemas.ts'

/** The reason, in the body of every route that revokes. */
export const because = {
  reason: z.enum(revocationReasons).default('other').openapi({ description: 'Reason, from a fixed list' }),
  text: text(500).optional().openapi({ description: 'Reason, as free text' }),
}
