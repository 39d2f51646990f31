import { z } from '@hono/zod-openapi'
import { instant } from './schemas.ts'

/** What a dry run answers (usage/impact.ts). */
export const impact = z
  .object({
    apiKeys: z.int(),
    apiKeysUsed: z.int(),
    apiKeysWithLiveTokens: z.int().openapi({ description: 'Keys with a token that may be alive: it would die' }),
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

export const dryRun = z.boolean().default(false).openapi({ description: 'Tell what would break, and write nothing' })
