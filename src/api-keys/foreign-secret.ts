import { blake3 } from '@noble/hashes/blake3.js'
import { encodeBase64url } from '../kit/base64url.ts'
import type { Platform } from '../platform.ts'
import type { HashAlgorithm } from './queries.ts'

/** By which algorithms the secrets of imported keys are stored, as it was known a moment ago. May be shared by the requests of an isolate. */
export type ImportedAlgorithmsCache = { known?: { readonly algorithms: readonly HashAlgorithm[]; readonly at: Date } }

/** An import by another process is noticed this late; this one's own at once. */
const maximumAgeMilliseconds = 5000

/**
 * Keeps the answer for seconds, so that text which is no key of ours costs no query where nothing was imported. An answer that was on its
 * way while `forget` was called is not kept.
 */
export function rememberImportedAlgorithms(
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

/** Of the text's UTF-8 bytes, base64url without padding: as the database has it. */
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
