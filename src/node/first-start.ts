import { open, readFile, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { findApiKeyBySecret } from '../api-keys/authenticate.ts'
import { usableApiKey } from '../api-keys/usable.ts'
import type { BootstrapResult } from '../bootstrap.ts'
import { generateRawKek } from '../crypto/kek/raw.ts'
import { makeFolder } from '../db/make-folder.node.ts'
import type { Services } from '../services.ts'

/** Files in the data folder: `.mintage/` unless MINTAGE_DATA_DIR names another one. Only their owner can read them. */
export function localFiles(dataDir: string) {
  return {
    kek: join(dataDir, 'kek'),
    credentials: join(dataDir, 'credentials.json'),
    apiKeyHeader: join(dataDir, 'api-key.header'),
  }
}

/**
 * The KEK file of an embedded database without a configured KEK. The first start creates it.
 * @throws Error if the file is missing but the database is not empty: a new KEK could not open its keys.
 */
export async function localKek(dataDir: string, databaseIsEmpty: boolean): Promise<string> {
  const path = localFiles(dataDir).kek
  const known = await readFile(path, 'utf8').catch(ignoreMissing)
  if (known !== undefined) return known.trim()
  if (!databaseIsEmpty) {
    throw new Error(
      `the KEK file ${path} is missing, and it sealed the private keys of this database: restore the file, or set MINTAGE_KEK to that key`,
    )
  }
  const kek = generateRawKek()
  await writePrivate(path, `${kek}\n`)
  return kek
}

/**
 * Writes the keys of the first start to files that the CLI and curl read. Called before the first start commits, so
 * that no root key is lost. If the commit fails, the next first start overwrites the files.
 */
export async function writeCredentials(dataDir: string, url: string, firstStart: BootstrapResult): Promise<void> {
  const files = localFiles(dataDir)
  const { rootApiKey, testApiKey: apiKey, organizationId } = firstStart
  await writePrivate(
    files.credentials,
    `${JSON.stringify({ url, ...(rootApiKey ? { rootApiKey } : {}), apiKey, organizationId }, null, 2)}\n`,
  )
  await writePrivate(files.apiKeyHeader, `Authorization: Bearer ${apiKey}\n`)
}

/**
 * After a later start: the CLI finds the service at its new URL, for example with another PORT. Does nothing if the
 * file is missing or damaged.
 */
export async function updateCredentialsUrl(dataDir: string, url: string): Promise<void> {
  const known = await readCredentials(dataDir)
  if (known === undefined || known.url === url) return
  await writePrivate(localFiles(dataDir).credentials, `${JSON.stringify({ ...known, url }, null, 2)}\n`)
}

/**
 * A new root key; a rotation, during whose overlap the previous secret is kept too, because nothing else has it; or the
 * `cancelled` secret of a rotation that was taken back.
 */
export type CredentialReplacement =
  | { readonly rootApiKey: string }
  | { readonly previous: string; readonly secret: string; readonly overlaps: boolean }
  | { readonly cancelled: string }

const previousNames = { rootApiKey: 'previousRootApiKey', apiKey: 'previousApiKey' } as const

/**
 * Replaces a secret in the files of the first start: the root key, or the key that has the replaced secret. False, with
 * nothing written, when the files are missing or do not have what is needed.
 */
export async function replaceCredential(dataDir: string, replacement: CredentialReplacement): Promise<boolean> {
  const known = await readCredentials(dataDir)
  if (known === undefined) return false
  const changed: Record<string, unknown> = { ...known }
  for (const name of ['rootApiKey', 'apiKey'] as const) {
    const secrets = replacedSecrets(known[name], known[previousNames[name]], name, replacement)
    if (secrets === undefined) continue
    changed[name] = secrets.now
    changed[previousNames[name]] = secrets.previous // undefined is not written
  }
  if (changed.rootApiKey === known.rootApiKey && changed.apiKey === known.apiKey) return false
  const files = localFiles(dataDir)
  await writePrivate(files.credentials, `${JSON.stringify(changed, null, 2)}\n`)
  if (changed.apiKey !== known.apiKey)
    await writePrivate(files.apiKeyHeader, `Authorization: Bearer ${String(changed.apiKey)}\n`)
  return true
}

function replacedSecrets(
  known: unknown,
  previous: unknown,
  name: keyof typeof previousNames,
  replacement: CredentialReplacement,
): { now: unknown; previous?: unknown } | undefined {
  if ('rootApiKey' in replacement) return name === 'rootApiKey' ? { now: replacement.rootApiKey } : undefined
  if ('cancelled' in replacement)
    return known === replacement.cancelled && previous !== undefined ? { now: previous } : undefined
  if (known !== replacement.previous) return undefined
  return { now: replacement.secret, ...(replacement.overlaps && { previous: known }) }
}

/** Whether the test key of the first start is still in its file and can be exchanged. */
export async function testKeyWorks(services: Services, dataDir: string): Promise<boolean> {
  const secret = (await readCredentials(dataDir))?.apiKey
  if (typeof secret !== 'string') return false
  const now = services.now()
  const found = await findApiKeyBySecret(services, secret, now)
  return typeof usableApiKey(found, { clientId: undefined, address: '127.0.0.1' }, now) !== 'string'
}

async function readCredentials(dataDir: string): Promise<Record<string, unknown> | undefined> {
  try {
    return Object(JSON.parse(await readFile(localFiles(dataDir).credentials, 'utf8')))
  } catch {
    return undefined
  }
}

/** Writes the file completely or not at all, flushed to disk, and never readable by anyone but its owner. */
async function writePrivate(path: string, text: string): Promise<void> {
  await makeFolder(dirname(path))
  const unfinished = `${path}.new`
  await rm(unfinished, { force: true })
  const file = await open(unfinished, 'wx', 0o600)
  try {
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(unfinished, path)
}

function ignoreMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error
  return undefined
}
