import { z } from '@hono/zod-openapi'
import { apiKeyOrders } from '../../api-keys/order.ts'
import { apiKeyStatuses } from '../../api-keys/status.ts'
import { algorithms } from '../../signing-keys/signer.ts'
import { instant, instantInput, pageQuery, storedText, text, word } from './schemas.ts'

export const environment = z.enum(['live', 'test'])
const claims = z.record(z.string(), z.unknown())
const ranges = z.array(word(64)).max(50)

export const apiKey = z
  .object({
    id: z.string().openapi({ example: 'key_0192f0c4a1b27c3d8e4f5a6b7c8d9e0f' }),
    organizationId: z.string(),
    name: z.string(),
    description: z.string(),
    labels: z.array(z.string()),
    serviceAccountId: z.string().nullable(),
    environment,
    status: z.enum(apiKeyStatuses),
    scopes: z.array(z.string()),
    audiences: z.array(z.string()),
    roles: z.array(z.string()),
    subject: z.string().nullable(),
    tokenAlgorithm: z
      .string()
      .nullable()
      .openapi({ example: 'RS256', description: "Algorithm that signs its tokens. Null: the service's default" }),
    customClaims: claims.nullable().openapi({ description: 'Claims added to its tokens' }),
    allowedCidrs: z
      .array(z.string())
      .openapi({ description: 'Addresses that may use the key. Empty: all', example: ['192.0.2.0/24'] }),
    deniedCidrs: z.array(z.string()).openapi({ description: 'Addresses that may not use the key, even if allowed' }),
    requestsPerMinute: z.int().nullable().openapi({ description: "Limit of this key. Null: the plan's" }),
    rotateEverySeconds: z.int().nullable(),
    rotationDueAt: instant
      .nullable()
      .openapi({ description: 'When its secret should be rotated. Nothing stops working then' }),
    version: z.int(),
    hint: z.string().openapi({ description: "Last four characters of the secret's random part" }),
    createdAt: instant,
    createdBy: z.string(),
    expiresAt: instant.nullable(),
    disabledAt: instant.nullable(),
    disabledBy: z.string().nullable().openapi({ description: 'Client id of the caller who disabled it' }),
    revokedAt: instant.nullable(),
    revokedBy: z.string().nullable().openapi({ description: 'Client id of the caller who revoked it' }),
    revocationReason: z.string().nullable(),
    revocationText: z.string().nullable(),
    revision: z.int().openapi({ description: 'Increases with each change. The ETag contains it' }),
    lastUsedAt: instant
      .nullable()
      .openapi({ description: 'Last successful use. This and the next three members are a few seconds behind' }),
    exchanges: z.int(),
    authentications: z.int().openapi({ description: 'Successful authentications, including those for exchanges' }),
    refusedAttempts: z
      .object({ attempts: z.int(), lastAt: instant, reason: z.string(), address: z.string().nullable() })
      .nullable()
      .openapi({
        description: 'Attempts that were refused, for example because the key is revoked. The last one in detail',
      }),
  })
  .openapi('ApiKey')

export const apiKeyDetail = apiKey
  .extend({
    usage: z
      .array(
        z.object({
          version: z.int(),
          exchanges: z.int(),
          authentications: z.int(),
          lastUsedAt: instant,
          lastExpiresAt: instant
            .nullable()
            .openapi({ description: 'When its last token expires. Null: it was never exchanged' }),
          addresses: z.array(z.string()).openapi({ description: 'The most recent, newest first' }),
          agents: z.array(z.string()).openapi({ description: 'The most recent, newest first' }),
        }),
      )
      .openapi({ description: 'Usage of each version, newest version first. A few seconds behind' }),
  })
  .openapi('ApiKeyDetail')

/** The settings that a caller may send when a key is created, changed or rotated. */
export const settings = {
  name: text(100),
  description: text(500, 0).optional(),
  scopes: z.array(word(128)).max(100).optional(),
  audiences: z.array(word(255)).max(50).optional(),
  roles: z
    .array(word(50))
    .max(10)
    .optional()
    .openapi({ description: 'Built-in roles, or custom ones of the organization' }),
  subject: text(255).nullable().optional().openapi({ description: "sub of its tokens. Null: the key's id" }),
  tokenAlgorithm: z.enum(algorithms).nullable().optional(),
  customClaims: claims
    .nullable()
    .optional()
    .openapi({ description: 'At most 4 KB of JSON. Must not use registered names or names of the service' }),
  allowedCidrs: ranges
    .optional()
    .openapi({ description: 'CIDR ranges, IPv4 or IPv6. Empty: all addresses', example: ['192.0.2.0/24'] }),
  deniedCidrs: ranges.optional(),
  requestsPerMinute: z.int().min(1).max(1_000_000).nullable().optional(),
  rotateEverySeconds: z.int().min(3600).max(315_360_000).nullable().optional(),
  labels: z.array(text(100)).max(20).optional(),
  serviceAccountId: word(128).nullable().optional(),
  expiresAt: instantInput.nullable().optional().openapi({ description: 'Null: never' }),
}

export const widerTokensUntil = instant.nullable().openapi({
  description:
    'Until then, earlier tokens may hold scopes, audiences, roles or claims that the change took away. Null: none do',
})

export const secret = z.string().openapi({ description: 'Shown only once' })

export const lastHolder = 'Allow this for the last root key, and for the last key that can administer its organization'

export const force = z.boolean().default(false).openapi({ description: lastHolder })

/** Filters of the list. A key must match all that are given. */
export const listQuery = pageQuery.extend({
  organizationId: word(128).optional(),
  environment: environment.optional(),
  label: storedText(100).optional(),
  status: z.enum(apiKeyStatuses).optional(),
  serviceAccountId: word(128).optional(),
  name: storedText(100)
    .optional()
    .openapi({ description: 'Part of the name, regardless of case. There are no wildcards' }),
  createdAfter: instantInput.optional(),
  createdBefore: instantInput.optional(),
  usedSince: instantInput.optional().openapi({ description: 'Used at this time or later' }),
  unusedSince: instantInput.optional().openapi({ description: 'Not used since this time, or never used' }),
  sort: z.enum(apiKeyOrders).default('newest').openapi({
    description: 'newest: by creation. lastUsed: latest use first. longestUnused: never used, then earliest last use',
  }),
})
