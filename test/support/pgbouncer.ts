import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { releaseAfterFile } from './cleanup.ts'
import { eventually, freePort, temporaryFolder } from './service-process.ts'

const binary = '/usr/sbin/pgbouncer'

/** A PgBouncer in front of a server, in transaction mode, with fewer server connections than clients. */
export type PgBouncer = {
  /** Connection string of the same database, through the pooler. */
  readonly url: string
  start(): Promise<void>
  /** Ends it at once: every client loses its connection. */
  kill(): Promise<void>
}

/** Path of Debian's PgBouncer, if it is installed. */
export function findPgBouncer(): string | null {
  return existsSync(binary) ? binary : null
}

export async function startPgBouncer(databaseUrl: string): Promise<PgBouncer> {
  const server = new URL(databaseUrl)
  const port = await freePort()
  const folder = await temporaryFolder()
  chmodSync(folder, 0o755)
  const settings = join(folder, 'pgbouncer.ini')
  writeFileSync(settings, iniFile(server, port))
  let child: ChildProcess | undefined
  const bouncer: PgBouncer = {
    url: Object.assign(new URL(databaseUrl), { port: String(port) }).href,
    async start() {
      // It refuses to run as root.
      const user = process.getuid?.() === 0 ? ['-u', 'postgres'] : []
      const started = spawn(binary, [...user, settings], { stdio: ['ignore', 'ignore', 'pipe'] })
      child = started
      let said = ''
      started.stderr.setEncoding('utf8').on('data', (text: string) => {
        said += text
      })
      await eventually(async () => {
        if (started.exitCode !== null) throw new Error(said)
        return said.includes('process up')
      })
    },
    async kill() {
      if (!child || child.exitCode !== null || child.signalCode !== null) return
      const ended = once(child, 'exit')
      child.kill('SIGKILL')
      await ended
    },
  }
  await bouncer.start()
  releaseAfterFile(() => bouncer.kill())
  return bouncer
}

function iniFile(server: URL, port: number): string {
  return `[databases]
* = host=${server.hostname} port=${server.port} user=${server.username} password=${server.password}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 3
max_client_conn = 200
server_idle_timeout = 1
`
}
