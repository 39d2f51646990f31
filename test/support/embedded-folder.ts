import { execFile } from 'node:child_process'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { inject } from 'vitest'
import { temporaryFolder } from './service-process.ts'

/** A folder whose embedded database has its tables and was never started: a service makes its keys there, and need not make a database, which takes seconds. */
export async function migratedFolder(): Promise<string> {
  const folder = await temporaryFolder()
  const data = join(embeddedFolder(folder), 'pgdata')
  await mkdir(data, { recursive: true })
  await promisify(execFile)('tar', ['-xf', inject('databases').embeddedTemplate, '-C', data])
  return folder
}

/** Where a service that was started in this folder keeps its database. */
export function embeddedFolder(folder: string): string {
  return join(folder, '.mintage/data')
}
