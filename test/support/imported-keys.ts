import { createHash } from 'node:crypto'
import type { Principal } from '../../src/access/principal.ts'
import { importApiKeys } from '../../src/api-keys/import.ts'
import type { ImportedApiKey } from '../../src/api-keys/import-row.ts'
import type { Services } from '../../src/services.ts'

let made = 0

/** A secret in the format of another system, different in each call. */
export const foreignSecret = () => `sk-${++made}!~/${'x'.repeat(20)}`

export const sha256 = (secret: string, encoding: 'hex' | 'base64url' = 'hex') =>
  createHash('sha256').update(secret).digest(encoding)

/** Imports live keys that differ from a good row as told. */
export const importRows = (services: Services, caller: Principal, rows: readonly Partial<ImportedApiKey>[]) =>
  importApiKeys(services, caller, {
    rows: rows.map((row, index) => ({
      index,
      key: { name: 'imported', environment: 'live', hash: sha256(foreignSecret()), algorithm: 'sha256', ...row },
    })),
  })
