import { z } from '@hono/zod-openapi'
import { revocationReasons } from '../../revocation/reasons.ts'
import { text } from './schemas.ts'

/** Why, as every route that revokes takes it. */
export const because = {
  reason: z.enum(revocationReasons).default('other').openapi({ description: 'Why, as a word that can be counted' }),
  text: text(500).optional().openapi({ description: 'Why, in words of your own' }),
}
