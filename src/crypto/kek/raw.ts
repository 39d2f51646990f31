import { encodeBase64url } from '../../kit/base64url.ts'
import { aeadOpen, aeadSeal, importAeadKey } from '../aead.ts'
import { decodeBase64, encodeBase64 } from '../base64.ts'
import { type Kek, type KekSource, singleKek } from './kek.ts'

/** A new random KEK as `raw:<base64 of 32 bytes>`, for MINTAGE_KEK or a file. It is a secret. */
export function generateRawKek(): string {
  return `raw:${encodeBase64(crypto.getRandomValues(new Uint8Array(32)))}`
}

/** The KEK with these 32 bytes, in base64. */
export async function rawKek(written: string): Promise<KekSource> {
  const bytes = decodeBase64(written)
  if (bytes?.length !== 32)
    throw new Error('a raw KEK must be raw: followed by the base64 of exactly 32 bytes, with padding')
  return singleKek(await kekOfBytes(bytes, `kek_${await keyCheck(bytes)}`))
}

/** AES-256-GCM in this process. Overwrites the bytes with zeros. */
export async function kekOfBytes(bytes: Uint8Array<ArrayBuffer>, id: string): Promise<Kek> {
  const key = await importAeadKey(bytes)
  bytes.fill(0)
  return {
    id,
    wrap: (dataKey, associatedData) => aeadSeal(key, dataKey, associatedData),
    unwrap: (wrapped, associatedData) => aeadOpen(key, wrapped, associatedData),
  }
}

/**
 * 96 bits of a hash of the key. The same key has the same id everywhere. The 256 random bits of the key cannot be
 * guessed from it.
 */
export async function keyCheck(key: Uint8Array<ArrayBuffer>): Promise<string> {
  const label = new TextEncoder().encode('mintage kek id\0')
  const digest = await crypto.subtle.digest('SHA-256', new Uint8Array([...label, ...key]))
  return encodeBase64url(new Uint8Array(digest).subarray(0, 12))
}
