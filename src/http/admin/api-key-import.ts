import { type OpenAPIHono, z } from '@hono/zod-openapi'
import { type ImportInput, importApiKeys } from '../../api-keys/import.ts'
import type { AppEnv } from '../context.ts'
import { environment, settings } from './api-key-schemas.ts'
import { adminRoute, jsonAnswer } from './route.ts'
import { text, word } from './schemas.ts'
import { faultsOf } from './validation.ts'

const importedApiKey = z
  .strictObject({
    ...settings,
    environment: environment.default('live'),
    hash: word(100).openapi({
      description: 'Hash of the secret, without salt: 64 hexadecimal digits, or 32 bytes as base64url',
    }),
    algorithm: z.enum(['sha256', 'blake3']).default('sha256'),
    hint: text(4).optional().openapi({ description: 'Last characters of the secret, so that people recognize it' }),
  })
  .openapi('ImportedApiKey')

const apiKeyImport = z
  .strictObject({
    organizationId: word(128).optional(),
    rows: z
      .array(z.unknown())
      .min(1)
      .max(1000)
      .openapi({
        type: 'array',
        items: { $ref: '#/components/schemas/ImportedApiKey' },
        description: 'An invalid row does not stop the others',
      }),
  })
  .openapi('ApiKeyImport')

const importedRow = z.union([
  z.object({ index: z.int(), result: z.literal('created'), id: z.string() }),
  z.object({ index: z.int(), result: z.literal('duplicate'), id: z.string().nullable() }),
  z.object({ index: z.int(), result: z.literal('invalid'), why: z.string() }),
])

const importReport = z
  .object({ created: z.int(), duplicates: z.int(), invalid: z.int(), rows: z.array(importedRow) })
  .openapi('ApiKeyImportReport')

const importApiKeysRoute = adminRoute('POST /api-keys/import', 'importApiKeys', {
  permission: 'api_keys.import',
  summary: 'Import API keys that were created and hashed elsewhere. Reports each row',
  body: apiKeyImport,
  answers: { 200: jsonAnswer('The result of each row, in order', importReport) },
})

export function apiKeyImportRoutes(app: OpenAPIHono<AppEnv>): void {
  app.openAPIRegistry.register('ImportedApiKey', importedApiKey)

  app.openapi(importApiKeysRoute, async (c) => {
    const { organizationId, rows } = c.req.valid('json')
    return c.json(
      await importApiKeys(c.var.services, c.var.principal, { organizationId, rows: rows.map(readRow) }),
      200,
    )
  })
}

/** An invalid row does not stop the others. Its error text repeats only plain member names, never values. */
function readRow(row: unknown, index: number): ImportInput {
  const read = importedApiKey.safeParse(row)
  if (read.success) return { index, key: read.data }
  const [fault] = read.error.issues.flatMap((issue) => faultsOf(issue, row, 'json'))
  return { index, fault: fault ? `${fault.path || 'The row'} ${fault.message}.` : 'The row is invalid.' }
}
