import { aeadOpen, aeadSeal, importAeadKey } from '../aead.ts'
import { decodeBase64, encodeBase64, encodeBase64Url } from '../base64.ts'
import type { Kek } from '../envelope.ts'

/** A new random KEK in its written form, `raw:<base64 of 32 bytes>`: for MINTAGE_KEK or a file. A secret. */
export function generateRawKek(): string {
  return `raw:${encodeBase64(crypto.getRandomValues(new Uint8Array(32)))}`
}

/**
 * The KEK of its written form: `raw:…`, or `file:<path>` of a file that holds the raw form. Errors say what is wrong and never hold
 * the text: a KEK pasted without its prefix must not end in a log.
 */
export async function parseKek(text: string, readFile?: (path: string) => Promise<string>): Promise<Kek> {
  if (text.startsWith('raw:')) return await rawKek(text)
  if (!text.startsWith('file:')) throw new Error('a KEK must be written raw:<base64 of 32 bytes> or file:<path>')
  if (!readFile) throw new Error('a KEK in a file cannot be read on this platform: write it raw:<base64 of 32 bytes>')
  const path = text.slice('file:'.length)
  const content = (await readFile(path)).trim()
  if (!content.startsWith('raw:')) throw new Error(`the KEK file ${path} must hold raw:<base64 of 32 bytes>`)
  return await rawKek(content)
}

async function rawKek(text: string): Promise<Kek> {
  const bytes = decodeBase64(text.slice('raw:'.length))
  if (bytes?.length !== 32) throw new Error('a raw KEK must be raw: and the base64 of exactly 32 bytes, with its padding')
  const id = await fingerprint(bytes)
  const key = await importAeadKey(bytes)
  bytes.fill(0)
  return {
    id,
    wrap: (dataKey, associatedData) => aeadSeal(key, dataKey, associatedData),
    unwrap: (wrapped, associatedData) => aeadOpen(key, wrapped, associatedData),
  }
}

/** 96 bits of a hash over the key: the same key has the same id wherever it is configured, and 256 random bits cannot be guessed from it. */
async function fingerprint(key: Uint8Array<ArrayBuffer>): Promise<string> {
  const label = new TextEncoder().encode('mintage kek id\0')
  const digest = await crypto.subtle.digest('SHA-256', new Uint8Array([...label, ...key]))
  return `kek_${encodeBase64Url(new Uint8Array(digest).subarray(0, 12))}`
}
