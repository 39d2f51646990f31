import { cp } from 'node:fs/promises'
import { releaseAfterFile } from './cleanup.ts'
import { migratedFolder } from './embedded-folder.ts'
import { credentialsOf, startServiceProcess, temporaryFolder } from './service-process.ts'

/**
 * A folder in which the service was started before, and its credentials. Every call copies the one first start of the
 * test file, because a start takes a second. The issuer follows the port of the next start.
 */
export async function startedFolder(): Promise<{ folder: string; rootApiKey: string; apiKey: string }> {
  firstStarted ??= firstStart()
  const [original, folder] = [await firstStarted, await temporaryFolder()]
  await cp(original, folder, { recursive: true })
  return { folder, ...(await credentialsOf(folder)) }
}

let firstStarted: Promise<string> | undefined

async function firstStart(): Promise<string> {
  releaseAfterFile(async () => {
    firstStarted = undefined
  })
  const service = await startServiceProcess({ folder: await migratedFolder() })
  await service.end()
  return service.folder
}
