import { access, constants, readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'

const controlFileBytes = 8192

/**
 * Creates the database if the folder is empty or missing. It is made beside the folder and moved there when it is
 * complete, so an interrupted start leaves nothing that looks like a damaged database. Refuses a folder that has lost
 * files which every PostgreSQL database has: PGlite would create a new database in its place.
 * @param create Creates a database in a folder, and closes it.
 * @throws Error with a message for the operator.
 */
export async function prepareDatabase(pgdata: string, create: (pgdata: string) => Promise<void>): Promise<void> {
  if ((await filesIn(pgdata)).length === 0) {
    const unfinished = `${pgdata}.new`
    await rm(unfinished, { recursive: true, force: true })
    await create(unfinished)
    await rename(unfinished, pgdata)
  } else if (!(await hasControlFiles(pgdata))) throw damaged(pgdata, 'a file is missing or was cut short')
  await requireAccess(pgdata)
}

async function filesIn(folder: string): Promise<string[]> {
  return await readdir(folder).catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return []
    throw folderFailure(folder, error)
  })
}

/** PGlite does not say why it fails. Often another user made the files, as when the service once ran as root. */
async function requireAccess(pgdata: string): Promise<void> {
  for (const path of [pgdata, join(pgdata, 'global/pg_control')])
    await access(path, constants.R_OK | constants.W_OK).catch((error: unknown) => {
      throw folderFailure(pgdata, error)
    })
}

/** Whether the files without which no PostgreSQL database starts are there. Does not look into them. */
export async function hasControlFiles(pgdata: string): Promise<boolean> {
  const sizeOf = async (path: string) =>
    await stat(join(pgdata, path)).then(
      ({ size }) => size,
      () => 0,
    )
  return (await sizeOf('PG_VERSION')) > 0 && (await sizeOf('global/pg_control')) === controlFileBytes
}

/** What a failed start of PGlite means to the operator. */
export function startFailure(folder: string, error: unknown): Error {
  const code = codeOf(error)
  if (code !== undefined && unwritable.has(code)) return cannotWrite(folder, code, error)
  return damaged(folder, error instanceof Error ? error.message : String(error), error)
}

/** The error itself, unless it means that this process may not write to the folder. */
export function folderFailure(folder: string, error: unknown): unknown {
  const code = codeOf(error)
  return code !== undefined && unwritable.has(code) ? cannotWrite(folder, code, error) : error
}

const unwritable = new Set(['EACCES', 'EPERM', 'EROFS', 'ENOENT', 'ENOTDIR', 'ENOSPC'])

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}

function cannotWrite(folder: string, code: string, cause: unknown): Error {
  const remedy =
    'Let this user write to it, or set MINTAGE_DATA_DIR to a folder on a disk with room that it can write to'
  return new Error(`the service cannot write to its data folder ${folder} (${code}). ${remedy}.`, { cause })
}

function damaged(folder: string, why: string, cause?: unknown): Error {
  const remedy = 'Keep a copy of the folder, check that its disk has room, and restore the folder from a backup'
  return new Error(`the database in ${folder} is damaged and does not start (${why}). ${remedy}.`, { cause })
}
