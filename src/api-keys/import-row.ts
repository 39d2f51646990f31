import { invalidRequest } from '../errors.ts'
import { encodeBase64url, readBase64url } from '../kit/base64url.ts'
import type { ApiKeyEnvironment } from './format.ts'
import type { HashAlgorithm, StoredSecret } from './queries.ts'
import type { ApiKeyChange } from './settings.ts'

/** A key of another system: its settings and the hash of its secret. The secret itself is unknown here. */
export type ImportedApiKey = ApiKeyChange & {
  readonly name: string
  readonly environment: ApiKeyEnvironment
  /** Unsalted hash of the secret's UTF-8 bytes: 64 hexadecimal digits or base64url. */
  readonly hash: string
  readonly algorithm: HashAlgorithm
  /** Last characters of the secret, for people; empty = not known. */
  readonly hint?: string | undefined
}

/** The result of one row. `why` says what is wrong with it, and never repeats its content. */
export type ImportedRow =
  | { readonly index: number; readonly result: 'created'; readonly id: string }
  /** `id` of the key that already has this hash; null when the caller may not see that key, or it was deleted. */
  | { readonly index: number; readonly result: 'duplicate'; readonly id: string | null }
  | { readonly index: number; readonly result: 'invalid'; readonly why: string }

/** The secret as the database stores it. Throws `invalid_request` for a hash that is not 32 bytes. */
export function importedSecret({ hash, algorithm, hint = '' }: ImportedApiKey): StoredSecret {
  const bytes = /^[0-9A-Fa-f]{64}$/.test(hash) ? bytesOfHex(hash) : readBase64url(hash.replace(/^([^=]{43})=$/, '$1'))
  if (bytes?.length !== 32) {
    throw invalidRequest('hash is neither 64 hexadecimal digits nor 32 bytes as base64url.')
  }
  return { hash: encodeBase64url(bytes), hashAlgorithm: algorithm, imported: true, prefix: '', hint }
}

function bytesOfHex(text: string): Uint8Array {
  return Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16))
}
