import { execFileSync, fork } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'

/** The answer of a server in `servers/` to the IPC message `usage`. */
export type Usage = { cpuMicroseconds: number; residentBytes: number }

export type ServerProcess = {
  readonly url: string
  usage(): Promise<Usage>
  stop(): Promise<void>
}

const canPin = availableParallelism() >= 2 && hasTaskset()

/**
 * Keeps core 0 for the servers: moves this process and its other children to the other cores. Returns a description.
 */
export function keepOffTheServersCore(): string {
  if (!canPin) return 'servers and client share the cores: compare CPU per request only'
  const others = availableParallelism() === 2 ? '1' : `1-${availableParallelism() - 1}`
  execFileSync('taskset', ['--all-tasks', '--cpu-list', '--pid', others, String(process.pid)], { stdio: 'ignore' })
  return `servers on core 0, client and database on core ${others}`
}

/** Forks `servers/<name>.ts`, which sends `{ port }` when it listens. */
export async function startServer(name: string, environment: Record<string, string>): Promise<ServerProcess> {
  const path = fileURLToPath(new URL(`servers/${name}.ts`, import.meta.url))
  const child = fork(path, {
    env: { PATH: process.env.PATH ?? '', NODE_ENV: 'production', ...environment },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    ...(canPin ? { execPath: 'taskset', execArgv: ['--cpu-list', '0', process.execPath] } : {}),
  })
  const ended = new Promise<never>((_resolve, reject) =>
    child.once('exit', (code) => reject(new Error(`${name} ended with ${code}`))),
  )
  ended.catch(() => {})
  const message = () => Promise.race([new Promise<unknown>((resolve) => child.once('message', resolve)), ended])
  const port = numberIn(await message(), 'port')
  return {
    url: `http://127.0.0.1:${port}`,
    async usage() {
      const answered = message()
      child.send('usage')
      const answer = await answered
      return { cpuMicroseconds: numberIn(answer, 'cpuMicroseconds'), residentBytes: numberIn(answer, 'residentBytes') }
    },
    async stop() {
      child.kill('SIGTERM')
      await ended.catch(() => {})
    },
  }
}

function numberIn(message: unknown, name: string): number {
  const value: unknown = typeof message === 'object' && message !== null ? Reflect.get(message, name) : undefined
  if (typeof value !== 'number') throw new Error(`expected a message with the number ${name}`)
  return value
}

function hasTaskset(): boolean {
  try {
    execFileSync('taskset', ['--version'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}
