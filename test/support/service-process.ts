import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { releaseAfterFile } from './cleanup.ts'
import { keepForInspection } from './printed-credentials.ts'

const root = resolve(import.meta.dirname, '../..')

/** A program of this project in a separate process. What it prints is searched for credentials when the run ends. */
export type Program = {
  readonly process: ChildProcess
  /** Everything printed so far, both streams. */
  printed(): string
  /** Resolves with the exit code when the process has ended; null if a signal ended it. */
  readonly ended: Promise<number | null>
  /** Sends the signal and waits until the process has ended. */
  end(signal?: NodeJS.Signals): Promise<number | null>
}

export function run(
  script: string,
  options: { args?: string[]; env?: Record<string, string>; cwd?: string; uid?: number } = {},
): Program {
  const child = spawn(process.execPath, [join(root, script), ...(options.args ?? [])], {
    cwd: options.cwd ?? root,
    env: { PATH: process.env.PATH ?? '', NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE ?? '', ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(options.uid === undefined ? {} : { uid: options.uid }),
  })
  let printed = ''
  const keep = (chunk: Buffer) => {
    printed += chunk
    keepForInspection(String(chunk))
  }
  child.stdout.on('data', keep)
  child.stderr.on('data', keep)
  const ended = once(child, 'close').then(() => child.exitCode)
  const program: Program = {
    process: child,
    printed: () => printed,
    ended,
    async end(signal = 'SIGTERM') {
      child.kill(signal)
      return await ended
    },
  }
  releaseAfterFile(() => program.end('SIGKILL'))
  return program
}

/** An empty folder, removed when the test file ends. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'mintage-test-'))
  releaseAfterFile(() => rm(folder, { recursive: true, force: true }))
  return folder
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (typeof address !== 'object' || !address) throw new Error('no port was given')
  return address.port
}

/** A second start takes one second on a quiet machine; the first one, which creates the database, some more. */
const startMilliseconds = 20_000

export type ServiceProcess = Program & {
  readonly url: string
  readonly folder: string
  /** The default issuer of an embedded database. */
  readonly issuer: string
}

/** Runs `npm start`, by default in a new folder on the embedded database, and resolves when the service is ready. */
export async function startServiceProcess(
  options: { env?: Record<string, string>; folder?: string; port?: number } = {},
): Promise<ServiceProcess> {
  const folder = options.folder ?? (await temporaryFolder())
  const port = options.port ?? (await freePort())
  const url = `http://127.0.0.1:${port}`
  for (;;) {
    const program = run('src/node/main.ts', { cwd: folder, env: { PORT: String(port), ...options.env } })
    let hasEnded = false
    void program.ended.then(() => {
      hasEnded = true
    })
    await eventually(async () => hasEnded || (await fetch(`${url}/readyz`)).status === 200, startMilliseconds)
    if (!hasEnded) return { ...program, url, folder, issuer: `http://localhost:${port}` }
    // On a slow machine, a statement can meet the product's deadline. An operator would start the service again.
    if (!/database_unavailable|does not answer/.test(program.printed())) {
      throw new Error(`the service ended with ${await program.ended} instead of starting:\n${program.printed()}`)
    }
  }
}

/** What a first start on the embedded database has written to its credentials file. */
export async function credentialsOf(
  folder: string,
): Promise<{ url: string; rootApiKey: string; apiKey: string; organizationId: string }> {
  return JSON.parse(await readFile(join(folder, '.mintage/credentials.json'), 'utf8'))
}

/**
 * Waits for the event, asking again and again. Returns the milliseconds that it took. The service keeps its promise on
 * a quiet machine; on a slow one an event may take ten times as long, or a minute. Benchmarks measure speed,
 * tests do not.
 */
export async function eventually(happened: () => Promise<boolean>, promisedMilliseconds = 0): Promise<number> {
  const ceilingMilliseconds = Math.max(60_000, 10 * promisedMilliseconds)
  const started = performance.now()
  for (;;) {
    if (await happened().catch(() => false)) return performance.now() - started
    if (performance.now() - started > ceilingMilliseconds)
      throw new Error(`it did not happen within ${ceilingMilliseconds} ms`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
