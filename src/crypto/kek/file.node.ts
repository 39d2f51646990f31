import { open } from 'node:fs/promises'
import type { KekSource } from './kek.ts'
import { rawKek } from './raw.ts'

/** Far more than a written KEK or a PIN needs: a path that names the wrong thing is refused before it fills memory. */
const largestFileBytes = 4096

/** The KEK of a file that holds the raw form, with or without a line end. */
export async function fileKek(path: string): Promise<KekSource> {
  const content = (await readSecretFile(path, 'KEK')).trim()
  if (!content.startsWith('raw:')) throw new Error(`the KEK file ${path} must hold raw:<base64 of 32 bytes>`)
  return await rawKek(content.slice('raw:'.length))
}

/** The text of a small file. Errors name the path and never hold what the file says. */
export async function readSecretFile(path: string, what: 'KEK' | 'PIN'): Promise<string> {
  const file = await open(path, 'r').catch((cause: unknown) => {
    throw new Error(`the ${what} file ${path} cannot be read`, { cause })
  })
  try {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(largestFileBytes + 1), 0)
    if (bytesRead > largestFileBytes)
      throw new Error(`the ${what} file ${path} is larger than ${largestFileBytes} bytes: no ${what} is`)
    return buffer.toString('utf8', 0, bytesRead)
  } finally {
    await file.close()
  }
}
