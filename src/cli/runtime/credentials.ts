import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { CliError, UsageError } from './failure.ts'
import { locate, type Surroundings } from './surroundings.ts'

export type Credentials = { readonly url: string; readonly apiKey: string }

/** Which of the two keys of the first start a command uses, when none was given. */
export type Purpose = 'admin' | 'exchange'

type Here = Pick<Surroundings, 'env' | 'folder'>

const defaultUrl = 'http://localhost:8787'

/**
 * The service's URL and a key for it: MINTAGE_URL and MINTAGE_API_KEY, otherwise `credentials.json` of the first start
 * in MINTAGE_DATA_DIR. Never from the command line, which other people can read. A key from the file goes only to the
 * URL it belongs to. No key goes over plain http to another machine, unless MINTAGE_ALLOW_HTTP is true.
 */
export function findCredentials(here: Here, purpose: Purpose): Credentials {
  const { env } = here
  const path = firstStartPath(here)
  const apiKey = env.MINTAGE_API_KEY
  if (apiKey)
    return { url: checkUrl(env.MINTAGE_URL || readFirstStart(here)?.url || defaultUrl, env), apiKey: apiKey.trim() }
  const firstStart = readFirstStart(here)
  if (!firstStart) {
    throw new CliError('no API key found', {
      code: 'no_credentials',
      hint: `set MINTAGE_URL and MINTAGE_API_KEY, or start a service here with \`mintage serve\`, which writes ${path}`,
    })
  }
  const found = purpose === 'admin' ? firstStart.rootApiKey : firstStart.apiKey
  if (!found)
    throw new CliError(`${path} does not hold a key for this`, { code: 'no_credentials', hint: 'set MINTAGE_API_KEY' })
  if (env.MINTAGE_URL && origin(env.MINTAGE_URL) !== origin(firstStart.url)) {
    throw new CliError(`the key in ${path} belongs to ${firstStart.url}, but MINTAGE_URL is another service`, {
      code: 'no_credentials',
      hint: 'set MINTAGE_API_KEY to a key of that service',
    })
  }
  return { url: checkUrl(firstStart.url, env), apiKey: found }
}

/** The service's URL, for what needs no key. */
export function findUrl(here: Here): string {
  return checkUrl(here.env.MINTAGE_URL || readFirstStart(here)?.url || defaultUrl, here.env)
}

type FirstStartFile = { url: string; rootApiKey: string | undefined; apiKey: string | undefined }

function firstStartPath({ env }: Here): string {
  return join(env.MINTAGE_DATA_DIR || '.mintage', 'credentials.json')
}

function readFirstStart(here: Here): FirstStartFile | undefined {
  const path = firstStartPath(here)
  const file = locate(here, path)
  let text: string
  try {
    if ((statSync(file).mode & 0o077) !== 0) {
      throw new CliError(`other people can read ${path}`, { code: 'unsafe_file', hint: `chmod 600 ${path}` })
    }
    text = readFileSync(file, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
  const firstStart = parse(text)
  if (!firstStart)
    throw new CliError(`${path} is damaged`, {
      code: 'unsafe_file',
      hint: 'set MINTAGE_URL and MINTAGE_API_KEY instead',
    })
  return firstStart
}

function parse(text: string): FirstStartFile | undefined {
  try {
    const file: Record<string, unknown> | null = JSON.parse(text)
    if (typeof file !== 'object' || file === null || typeof file.url !== 'string') return undefined
    return { url: file.url, rootApiKey: textOrNothing(file.rootApiKey), apiKey: textOrNothing(file.apiKey) }
  } catch {
    return undefined // the parser's message would repeat the file's content
  }
}

function textOrNothing(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

function checkUrl(url: string, env: Here['env']): string {
  if (!URL.canParse(url))
    throw new UsageError('MINTAGE_URL is not a URL', { hint: `for example MINTAGE_URL=${defaultUrl}` })
  const { protocol, hostname } = new URL(url)
  const local = hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname)
  if (protocol !== 'https:' && !(protocol === 'http:' && (local || env.MINTAGE_ALLOW_HTTP === 'true'))) {
    throw new UsageError('a key is not sent over plain http to another machine', {
      hint: 'use an https URL, or set MINTAGE_ALLOW_HTTP=true in a network that you trust',
    })
  }
  return url.replace(/\/+$/, '')
}

function origin(url: string): string {
  return URL.canParse(url) ? new URL(url).origin : url
}
