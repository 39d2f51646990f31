import { z } from '@hono/zod-openapi'
import { instant } from './schemas.ts'

/** What a dry run answers (usage/impact.ts). */
export const impact = z
  .object({
    apiKeys: z.int(),
    apiKeysUsed: z.int(),
    apiKeysWithLiveTokens: z
      .int()
      .openapi({ description: 'Keys with a token that may still be valid and would be revoked' }),
    tokensLiveUntil: instant.nullable(),
    exchanges: z.int(),
    lastUsedAt: instant.nullable(),
    lastUses: z.array(
      z.object({
        apiKeyId: z.string(),
        version: z.int(),
        exchanges: z.int(),
        lastUsedAt: instant,
        addresses: z.array(z.string()),
        agents: z.array(z.string()),
      }),
    ),
  })
  .openapi('Impact')

export const dryRun = z.boolean().default(false).openapi({ description: 'Report what would break, and change nothing' })
