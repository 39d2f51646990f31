import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { applicationFiles } from './application.ts'

const root = fileURLToPath(new URL('../../..', import.meta.url))

const execute = promisify(execFile)

/** Runs to its end. Rejects with what it printed if it fails. */
async function run(command: string, args: readonly string[], cwd: string): Promise<string> {
  const { stdout } = await execute(command, args, { cwd, maxBuffer: 1 << 24 }).catch(
    (error: { stdout?: string; stderr?: string }) => {
      throw new Error(`${command} ${args.join(' ')} failed:\n${error.stdout ?? ''}${error.stderr ?? ''}`)
    },
  )
  return stdout
}

/** What a program of an installed package prints. */
export function runInstalled(folder: string, program: string, args: readonly string[]): Promise<string> {
  return run(join(folder, 'node_modules/.bin', program), args, folder)
}

/** Packs both packages into the folder, like a release. */
export async function packBoth(folder: string): Promise<{ whole: string; kit: string }> {
  await run('npm', ['pack', '--silent', '--pack-destination', folder], root)
  await run('npm', ['run', '--silent', 'build:kit'], root)
  await run('npm', ['pack', '--silent', '--pack-destination', folder, './dist-kit'], root)
  const [whole, kit] = readdirSync(folder).sort()
  if (!kit?.startsWith('mintage-kit-') || !whole) throw new Error(`expected two tarballs in ${folder}`)
  return { whole: join(folder, whole), kit: join(folder, kit) }
}

/** An application in a separate folder, with its own Hono. */
export type Application = {
  folder: string
  /** What the compiler of its author prints, with libraries checked. Empty if there is no error. */
  typeCheck(libraries: 'dom' | 'node'): Promise<string>
  start(environment: Record<string, string>): RunningApplication
}

/** `ask(token)` calls the protected route inside the application: `[status, body]`. */
type RunningApplication = { ask(token: string): Promise<[status: number, body: string]>; stop(): Promise<void> }

export async function installApplication(folder: string, packageName: string, tarball: string): Promise<Application> {
  mkdirSync(folder)
  const { devDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const manifest = {
    private: true,
    type: 'module',
    dependencies: { hono: devDependencies.hono, [packageName]: `file:${tarball}` },
  }
  writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest))
  for (const [name, text] of Object.entries(applicationFiles(packageName))) writeFileSync(join(folder, name), text)
  await run('npm', ['install', '--silent', '--no-audit', '--no-fund', '--prefer-offline'], folder)
  const tsc = join(root, 'node_modules/.bin/tsc')
  const nodeTypes = ['--lib', 'es2024', '--types', 'node', '--typeRoots', join(root, 'node_modules/@types')]
  return {
    folder,
    typeCheck: (libraries) =>
      run(tsc, ['-p', '.', ...(libraries === 'node' ? nodeTypes : [])], folder).catch((error) => error.message),
    start: (environment) =>
      talkTo(
        spawn(process.execPath, ['built/main.js'], {
          cwd: folder,
          env: environment,
          stdio: ['pipe', 'pipe', 'inherit'],
        }),
      ),
  }
}

function talkTo(child: ChildProcess): RunningApplication {
  const { stdin, stdout } = child
  if (!stdin || !stdout) throw new Error('the application has no pipes')
  const lines = createInterface({ input: stdout })[Symbol.asyncIterator]()
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  return {
    async ask(token) {
      stdin.write(`${token}\n`)
      const { value, done } = await lines.next()
      if (done) throw new Error('the application ended')
      const [status = '', ...body] = String(value).split(' ')
      return [Number(status), body.join(' ')]
    },
    async stop() {
      stdin.end()
      child.kill()
      await ended
    },
  }
}

/** The packed service, started by its own command on the embedded database. */
export async function startPackedService(
  folder: string,
): Promise<{ issuer: string; apiKey: string; stop(): Promise<void> }> {
  const port = await freePort()
  const issuer = `http://localhost:${port}`
  const data = join(folder, 'data')
  mkdirSync(data)
  const env = { PATH: process.env.PATH ?? '', PORT: String(port), MINTAGE_DATA_DIR: data, LOG_LEVEL: 'error' }
  const child = spawn('npx', ['--no-install', 'mintage', 'serve'], {
    cwd: folder,
    env,
    stdio: ['ignore', 'ignore', 'pipe'],
    detached: true,
  })
  let said = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said += text
  })
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const stop = async () => {
    // npx runs the service as its child, so the signal goes to the whole group.
    if (child.exitCode === null && child.pid !== undefined) process.kill(-child.pid, 'SIGTERM')
    await ended
  }
  const ready = async () => (await fetch(`${issuer}/readyz`).catch(() => undefined))?.ok === true
  for (
    const deadline = Date.now() + 60_000;
    !(await ready());
    await new Promise((resolve) => setTimeout(resolve, 100))
  ) {
    if (child.exitCode !== null || Date.now() > deadline) {
      await stop()
      throw new Error(`npx mintage serve did not become ready:\n${said}`)
    }
  }
  const { apiKey } = JSON.parse(readFileSync(join(data, 'credentials.json'), 'utf8'))
  return { issuer, apiKey, stop }
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  if (typeof address !== 'object' || address === null) throw new Error('no free port')
  return address.port
}

/** Bytes and packages under `node_modules`. A nested package is named by its whole path. */
export function installed(folder: string): { bytes: number; packages: string[] } {
  const modules = join(folder, 'node_modules')
  const files = readdirSync(modules, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  const bytes = files.reduce((sum, entry) => sum + lstatSync(join(entry.parentPath, entry.name)).size, 0)
  return { bytes, packages: packagesIn(modules) }
}

function packagesIn(modules: string): string[] {
  if (!existsSync(modules)) return []
  const names = readdirSync(modules)
    .filter((name) => !name.startsWith('.'))
    .flatMap((name) =>
      name.startsWith('@') ? readdirSync(join(modules, name)).map((inner) => `${name}/${inner}`) : [name],
    )
  return names.flatMap((name) => [
    name,
    ...packagesIn(join(modules, name, 'node_modules')).map((inner) => `${name}/node_modules/${inner}`),
  ])
}
