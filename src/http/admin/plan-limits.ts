import { z } from '@hono/zod-openapi'

const overlap = z.int().min(0).max(31_622_400) // 366 days

/** What a plan allows. */
export const limits = {
  requestsPerMinute: z.int().min(1).max(1_000_000),
  requestsPerMonth: z.int().min(1).max(1_000_000_000_000),
  apiKeys: z
    .int()
    .min(0)
    .max(100_000)
    .openapi({ description: 'Number of keys that are not revoked. Root keys do not count' }),
  defaultOverlapSeconds: overlap.openapi({
    description: 'How long an old version keeps working after a rotation, by default',
  }),
  maxOverlapSeconds: overlap,
}
