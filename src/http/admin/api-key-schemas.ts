import { z } from '@hono/zod-openapi'
import { apiKeyStatuses } from '../../api-keys/status.ts'
import { algorithms } from '../../signing-keys/signer.ts'
import { instant, instantInput, pageQuery, text, word } from './schemas.ts'

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
      .openapi({ example: 'RS256', description: "What its tokens are signed with; null: the service's default" }),
    customClaims: claims
      .nullable()
      .openapi({ description: 'Claims that its tokens carry beside those of the service' }),
    allowedCidrs: z
      .array(z.string())
      .openapi({ description: 'Where it may be used from; empty: from everywhere', example: ['192.0.2.0/24'] }),
    deniedCidrs: z.array(z.string()).openapi({ description: 'Where it may not, allowed or not' }),
    requestsPerMinute: z.int().nullable().openapi({ description: "Own limit; null: the plan's" }),
    rotateEverySeconds: z.int().nullable(),
    rotationDueAt: instant.nullable().openapi({ description: 'When its secret should be replaced; nothing ends then' }),
    version: z.int(),
    hint: z.string().openapi({ description: "Last four characters of the secret's random part" }),
    createdAt: instant,
    createdBy: z.string(),
    expiresAt: instant.nullable(),
    disabledAt: instant.nullable(),
    revokedAt: instant.nullable(),
    revocationReason: z.string().nullable(),
    revocationText: z.string().nullable(),
    revision: z.int().openapi({ description: 'Counts up with each change; the ETag holds it' }),
  })
  .openapi('ApiKey')

export const apiKeyDetail = apiKey
  .extend({
    usage: z
      .array(
        z.object({
          version: z.int(),
          exchanges: z.int(),
          lastUsedAt: instant,
          lastExpiresAt: instant.openapi({ description: 'Until then one of its tokens may be alive' }),
          addresses: z.array(z.string()).openapi({ description: 'The last few, newest first' }),
          agents: z.array(z.string()).openapi({ description: 'The last few, newest first' }),
        }),
      )
      .openapi({ description: 'Of each version that was used, newest version first; some seconds behind' }),
  })
  .openapi('ApiKeyDetail')

/** What a caller may say about a key when it is created, changed or rotated. */
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
  subject: text(255).nullable().optional().openapi({ description: "sub of its tokens; null: the key's id" }),
  tokenAlgorithm: z.enum(algorithms).nullable().optional(),
  customClaims: claims
    .nullable()
    .optional()
    .openapi({ description: '4 KB of JSON at most; no registered name and none of the service' }),
  allowedCidrs: ranges
    .optional()
    .openapi({ description: 'CIDR ranges, IPv4 or IPv6; empty: everywhere', example: ['192.0.2.0/24'] }),
  deniedCidrs: ranges.optional(),
  requestsPerMinute: z.int().min(1).max(1_000_000).nullable().optional(),
  rotateEverySeconds: z.int().min(3600).max(315_360_000).nullable().optional(),
  labels: z.array(text(100)).max(20).optional(),
  serviceAccountId: word(128).nullable().optional(),
  expiresAt: instantInput.nullable().optional().openapi({ description: 'null: never' }),
}

export const secret = z.string().openapi({ description: 'Shown here and nowhere else' })

/** Filters of the list: what is said must all be true. */
export const listQuery = pageQuery.extend({
  organizationId: word(128).optional(),
  environment: environment.optional(),
  label: text(100).optional(),
  status: z.enum(apiKeyStatuses).optional(),
  serviceAccountId: word(128).optional(),
  name: text(100)
    .optional()
    .openapi({ description: 'Part of the name, in small or capital letters; no character has a meaning of its own' }),
  createdAfter: instantInput.optional(),
  createdBefore: instantInput.optional(),
})
