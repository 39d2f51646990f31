import { open } from 'node:fs/promises'

/** Far more than a written KEK needs: a path that names the wrong thing is refused before it fills memory. */
const largestKekFileBytes = 4096

/** The text of a KEK file, for `createKeyEncryption`. Errors name the path and never hold what the file says. */
export async function readKekFile(path: string): Promise<string> {
  const file = await open(path, 'r').catch((cause: unknown) => {
    throw new Error(`the KEK file ${path} cannot be read`, { cause })
  })
  try {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(largestKekFileBytes + 1), 0)
    if (bytesRead > largestKekFileBytes) throw new Error(`the KEK file ${path} is larger than ${largestKekFileBytes} bytes: no KEK is`)
    return buffer.toString('utf8', 0, bytesRead)
  } finally {
    await file.close()
  }
}
