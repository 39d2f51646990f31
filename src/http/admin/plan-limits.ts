import { z } from '@hono/zod-openapi'

const overlap = z.int().min(0).max(31_622_400) // 366 days

/** What a plan allows. */
export const limits = {
  requestsPerMinute: z.int().min(1).max(1_000_000),
  requestsPerMonth: z.int().min(1).max(1_000_000_000_000),
  apiKeys: z.int().min(0).max(100_000).openapi({ description: 'Keys that are not revoked; root keys do not count' }),
  defaultOverlapSeconds: overlap.openapi({
    description: 'How long an old version lives on after a rotation that says nothing else',
  }),
  maxOverlapSeconds: overlap,
}
