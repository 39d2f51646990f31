import { blake3 } from '@noble/hashes/blake3.js'
import { encodeBase64url } from '../kit/base64url.ts'
import type { Platform } from '../platform.ts'
import type { HashAlgorithm } from './queries.ts'

/** The hash algorithms of imported keys, as of a moment ago. The requests of a Workers isolate may share it. */
export type ImportedAlgorithmsCache = { known?: { readonly algorithms: readonly HashAlgorithm[]; readonly at: Date } }

/** Imports by this process are noticed at once, those of other processes within this time. */
const maximumAgeMilliseconds = 5000

/**
 * Caches the answer for seconds: where nothing was imported, text in a foreign format then costs no query. An answer
 * that was under way while `forget` was called is not cached.
 */
export function cacheImportedAlgorithms(
  read: () => Promise<readonly HashAlgorithm[]>,
  cache: ImportedAlgorithmsCache = {},
) {
  let forgotten = 0
  return {
    async algorithms(now: Date): Promise<readonly HashAlgorithm[]> {
      const { known } = cache
      if (known && Math.abs(now.getTime() - known.at.getTime()) < maximumAgeMilliseconds) return known.algorithms
      const before = forgotten
      const algorithms = await read()
      if (forgotten === before) cache.known = { algorithms, at: now }
      return algorithms
    },
    forget(): void {
      forgotten += 1
      delete cache.known
    },
  }
}

/** Hash of the text's UTF-8 bytes, base64url without padding, as the database stores it. */
export async function hashSecret(
  platform: Pick<Platform, 'sha256'>,
  algorithm: HashAlgorithm,
  text: string,
): Promise<string> {
  switch (algorithm) {
    case 'sha256':
      return await platform.sha256(text)
    case 'blake3':
      return encodeBase64url(blake3(new TextEncoder().encode(text)))
    default:
      return algorithm satisfies never
  }
}
