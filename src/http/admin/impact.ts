import { z } from '@hono/zod-openapi'
import { jsonAnswer } from './route.ts'
import { instant } from './schemas.ts'

/** The answer of a dry run. `usage/impact.ts` computes it. */
export const impact = z
  .object({
    apiKeys: z.int(),
    apiKeysUsed: z.int(),
    apiKeysWithLiveTokens: z
      .int()
      .openapi({ description: 'Keys with a token that may still be valid and would be revoked' }),
    tokensLiveUntil: instant.nullable(),
    exchanges: z.int(),
    authentications: z.int().openapi({ description: 'Successful authentications, including those for exchanges' }),
    lastUsedAt: instant.nullable(),
    lastUses: z.array(
      z.object({
        apiKeyId: z.string(),
        version: z.int(),
        exchanges: z.int(),
        authentications: z.int(),
        lastUsedAt: instant,
        addresses: z.array(z.string()),
        agents: z.array(z.string()),
      }),
    ),
  })
  .openapi('Impact')

export const dryRun = z.boolean().default(false).openapi({ description: 'Report what would break, and change nothing' })

/** The answer of a route that shows what it changed, or in a dry run what would break. */
export function answerOrImpact<Schema extends z.ZodType, Trial extends z.ZodType>(
  description: string,
  schema: Schema,
  trial: Trial,
) {
  return jsonAnswer(`${description}. Dry run: what would break`, z.union([schema, trial]))
}

/** The answers of a route that takes `dryRun`. The description is for 204, when the change was made. */
export function dryRunOr(description: string) {
  return { 200: jsonAnswer('Dry run only: what would break', impact), 204: { description } }
}
