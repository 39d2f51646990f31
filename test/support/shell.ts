import { spawn } from 'node:child_process'
import { once } from 'node:events'

type Shell = {
  printed(): string
  hasEnded(): boolean
  readonly ended: Promise<unknown>
  /** Ends the commands and what they have started. */
  stop(): Promise<void>
}

/** Runs commands in a shell with the tools of this machine's PATH. */
export function startShell(commands: string, folder: string): Shell {
  const env = { PATH: process.env.PATH, HOME: process.env.HOME }
  const child = spawn('bash', ['-c', commands], { cwd: folder, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] })
  let printed = ''
  let hasEnded = false
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      printed += text
    })
  }
  const ended = once(child, 'close').then(() => {
    hasEnded = true
  })
  return {
    printed: () => printed,
    hasEnded: () => hasEnded,
    ended,
    async stop() {
      if (!hasEnded && child.pid !== undefined) process.kill(-child.pid, 'SIGTERM')
      await ended
    },
  }
}
