import { open } from 'node:fs/promises'
import type { KekSource } from './kek.ts'
import { rawKek } from './raw.ts'

/**
 * Far more than a KEK or a PIN needs. If the path is wrong and the file is huge, it is refused before it fills memory.
 */
const largestFileBytes = 4096

/** The KEK in a file that contains the raw form, with or without a line end. */
export async function fileKek(path: string): Promise<KekSource> {
  const content = (await readSecretFile(path, 'KEK')).trim()
  if (!content.startsWith('raw:')) throw new Error(`the KEK file ${path} must contain raw:<base64 of 32 bytes>`)
  return await rawKek(content.slice('raw:'.length))
}

/** The text of a small file. Errors name the path and never contain the file's text. */
export async function readSecretFile(path: string, what: 'KEK' | 'PIN'): Promise<string> {
  const file = await open(path, 'r').catch((cause: unknown) => {
    throw new Error(`the ${what} file ${path} cannot be read`, { cause })
  })
  try {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(largestFileBytes + 1), 0)
    if (bytesRead > largestFileBytes)
      throw new Error(`the ${what} file ${path} is larger than ${largestFileBytes} bytes: check the path`)
    return buffer.toString('utf8', 0, bytesRead)
  } finally {
    await file.close()
  }
}
