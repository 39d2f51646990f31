import { execFile } from 'node:child_process'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { inject } from 'vitest'
import { temporaryFolder } from './service-process.ts'

/**
 * A folder with a migrated embedded database that was never started. Saves the seconds that creating a database takes.
 */
export async function migratedFolder(): Promise<string> {
  const folder = await temporaryFolder()
  const data = join(embeddedFolder(folder), 'pgdata')
  await mkdir(data, { recursive: true })
  await promisify(execFile)('tar', ['-xf', inject('databases').embeddedTemplate, '-C', data])
  return folder
}

/** The database folder of a service that runs in this folder. */
export function embeddedFolder(folder: string): string {
  return join(folder, '.mintage/data')
}
