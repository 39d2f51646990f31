import { randomUUID } from 'node:crypto'
import {
  constants,
  copyFile,
  link,
  readFile,
  readlink,
  realpath,
  rename,
  rm,
  stat,
  utimes,
  writeFile,
} from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { makeFolder } from './make-folder.node.ts'

type FolderLock = {
  release(): Promise<void>
  /** False once the folder was removed or replaced. */
  isHeld(): Promise<boolean>
}

type FolderLockOptions = {
  /**
   * After this long without a heartbeat, the lock of another container counts as abandoned. Should be several seconds:
   * heartbeats stop while a process opens its database, because that blocks the event loop.
   */
  silenceMilliseconds?: number
}

/** The process that holds a folder. Process ids are reused, so boot, start tick and namespace identify it. */
type Holder = { pid: number; boot: string; startTick: string; namespace: string; token: string }

const heartbeatMilliseconds = 1000
/** Lock files that this process holds. */
const held = new Set<string>()

/**
 * Locks the folder for this process. PGlite does not lock it, and a second process in the folder would lose commits.
 * Takes over the lock of a dead process; waits for a heartbeat first if the lock is from another container.
 * Does not protect against another machine on a network file system that delivers its heartbeats late.
 * @throws Error with a message for the operator if the folder is in use.
 */
export async function lockFolder(
  folder: string,
  { silenceMilliseconds = 6000 }: FolderLockOptions = {},
): Promise<FolderLock> {
  await makeFolder(folder)
  const path = join(await realpath(folder), 'lock')
  if (held.has(path)) throw inUse(folder, process.pid)
  held.add(path)
  try {
    const self = await describeSelf()
    await takeLock(path, folder, self, silenceMilliseconds)
    const heartbeat = setInterval(() => void beat(path), heartbeatMilliseconds)
    heartbeat.unref()
    const isHeld = async () => (await readHolder(path))?.token === self.token
    const release = async () => {
      clearInterval(heartbeat)
      if (await isHeld()) await rm(path, { force: true })
      held.delete(path)
    }
    return { release, isHeld }
  } catch (error) {
    held.delete(path)
    throw error
  }
}

async function takeLock(path: string, folder: string, self: Holder, silenceMilliseconds: number): Promise<void> {
  const draft = `${path}.${self.token}`
  await writeFile(draft, JSON.stringify(self), { mode: 0o600 })
  try {
    // A link appears with its whole content or not at all, and only one of several processes succeeds.
    for (let attempt = 0; attempt < 5; attempt++) {
      if (await linked(draft, path)) return
      const holder = await readHolder(path)
      if (holder && (await isAlive(path, holder, self, silenceMilliseconds))) throw inUse(folder, holder.pid)
      await removeStale(path, holder)
    }
    throw inUse(folder, undefined)
  } finally {
    await rm(draft, { force: true })
  }
}

async function linked(draft: string, path: string): Promise<boolean> {
  try {
    await link(draft, path)
    return true
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return false
    if (!['EPERM', 'ENOTSUP', 'ENOSYS'].some((code) => hasCode(error, code))) throw error
    return copied(draft, path)
  }
}

/** For file systems without links. */
async function copied(draft: string, path: string): Promise<boolean> {
  try {
    await copyFile(draft, path, constants.COPYFILE_EXCL)
    return true
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return false
    throw error
  }
}

/** Renames before deleting: if another process took over in between, we renamed its lock and put it back. */
async function removeStale(path: string, judged: Holder | undefined): Promise<void> {
  const aside = `${path}.${randomUUID()}`
  try {
    await rename(path, aside)
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return
    throw error
  }
  const moved = await readHolder(aside)
  if (moved?.token !== judged?.token) await linked(aside, path)
  await rm(aside, { force: true })
}

async function isAlive(path: string, holder: Holder, self: Holder, silenceMilliseconds: number): Promise<boolean> {
  if (holder.boot !== self.boot || holder.namespace !== self.namespace) return hasHeartbeat(path, silenceMilliseconds)
  if (!processExists(holder.pid)) return false
  return (await readStartTick(holder.pid)) === holder.startTick
}

/**
 * Compares the file's time only with an earlier reading of it: another container or machine may have a different clock.
 */
async function hasHeartbeat(path: string, silenceMilliseconds: number): Promise<boolean> {
  const before = await modifiedAt(path)
  for (let waited = 0; waited < silenceMilliseconds; waited += 100) {
    await wait(100)
    if ((await modifiedAt(path)) !== before) return true
  }
  return false
}

async function describeSelf(): Promise<Holder> {
  const [boot, namespace, startTick] = await Promise.all([readBootId(), readNamespace(), readStartTick(process.pid)])
  return { pid: process.pid, boot, startTick, namespace, token: randomUUID() }
}

const readBootId = () =>
  readFile('/proc/sys/kernel/random/boot_id', 'utf8').then(
    (text) => text.trim(),
    () => '',
  )
const readNamespace = () => readlink('/proc/self/ns/pid').catch(() => '')
const modifiedAt = (path: string) =>
  stat(path).then(
    ({ mtimeMs }) => mtimeMs,
    () => 0,
  )

/**
 * Field 22 of proc(5) stat; the name before it may contain spaces and parentheses. Empty without /proc, and for a
 * process that has ended but was not yet reaped: it holds nothing.
 */
async function readStartTick(pid: number): Promise<string> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return fields[0] === 'Z' || fields[0] === 'X' ? '' : (fields[19] ?? '')
}

async function readHolder(path: string): Promise<Holder | undefined> {
  try {
    const value: unknown = JSON.parse(await readFile(path, 'utf8'))
    return isHolder(value) ? value : undefined
  } catch {
    return undefined
  }
}

function isHolder(value: unknown): value is Holder {
  if (typeof value !== 'object' || value === null || !('pid' in value) || typeof value.pid !== 'number') return false
  return ['boot', 'startTick', 'namespace', 'token'].every((name) => typeof Reflect.get(value, name) === 'string')
}

function processExists(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return hasCode(error, 'EPERM')
  }
}

/** A failed heartbeat is harmless: the lock still holds against every process on this machine. */
async function beat(path: string): Promise<void> {
  const seconds = (performance.timeOrigin + performance.now()) / 1000
  await utimes(path, seconds, seconds).catch(() => {})
}

function inUse(folder: string, pid: number | undefined): Error {
  const holder = pid === undefined ? 'another process' : `process ${pid}`
  return new Error(
    `the database folder ${folder} is in use by ${holder}: the embedded database takes one process at a time. Stop that process, use another MINTAGE_DATA_DIR, or set DATABASE_URL to a PostgreSQL server.`,
  )
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}
