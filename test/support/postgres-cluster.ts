import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { appendFileSync, chownSync, existsSync, globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import postgres from 'postgres'

/** A PostgreSQL server on a free loopback port, in a temporary folder. */
export type PostgresCluster = {
  readonly port: number
  /** Connection string of a superuser. */
  url(database?: string): string
  start(): Promise<void>
  /** Freezes every process of the server: sockets stay open and nothing answers. */
  pause(): void
  resume(): void
  /** Kills every process of the server, like a power failure. */
  kill(): Promise<void>
  /** Stops the server and deletes its folder. */
  destroy(): Promise<void>
}

/** Folder of the newest server binaries on this machine; undefined if there are none. */
export function findPostgresBinaries(): string | undefined {
  const newest = globSync('/usr/lib/postgresql/*/bin/initdb')
    .sort((a, b) => versionOf(a) - versionOf(b))
    .at(-1)
  return newest && dirname(newest)
}

const versionOf = (path: string) => Number(path.split('/')[4])

export async function createPostgresCluster(
  binaries: string,
  settings: Record<string, string> = {},
): Promise<PostgresCluster> {
  return await startCluster(binaries, settings, (data, run) => {
    const encoding = ['-E', 'UTF8', '--locale=C']
    run('initdb', ['-D', data, '-U', 'mintage', '-A', 'trust', ...encoding, '--no-sync', '--no-instructions'])
  })
}

/** A hot standby of the cluster: it applies each commit of its primary only after the delay. Promote it to end that. */
export async function createStandby(
  binaries: string,
  primary: PostgresCluster,
  { applyDelay }: { applyDelay: string },
): Promise<PostgresCluster & { promote(): Promise<void> }> {
  const standby = await startCluster(binaries, {}, (data, run) => {
    run('pg_basebackup', ['-D', data, '-d', primary.url(), '-R', '-X', 'stream', '-c', 'fast', '--no-sync'])
    // In this file and not on the command line, so that a test can change it.
    appendFileSync(join(data, 'postgresql.auto.conf'), `recovery_min_apply_delay = '${applyDelay}'\n`)
  })
  return {
    ...standby,
    promote: async () => {
      const sql = postgres(standby.url(), { max: 1, onnotice: () => {} })
      await sql`select pg_promote()`
      await sql.end()
    },
  }
}

type Runner = (program: string, args: string[]) => void

/** Starts a server on the data that `fill` has made. */
async function startCluster(
  binaries: string,
  settings: Record<string, string>,
  fill: (data: string, run: Runner) => void,
): Promise<PostgresCluster> {
  const owner = serverOwner()
  const folder = mkdtempSync(join(tmpdir(), 'mintage-postgres-'))
  if (owner) chownSync(folder, owner.uid, owner.gid)
  const data = join(folder, 'data')
  fill(data, (program, args) => {
    execFileSync(join(binaries, program), args, { ...owner, cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] })
  })
  const port = await freePort()
  let server: ChildProcess | undefined

  const processes = () => (server?.pid === undefined ? [] : [server.pid, ...childrenOf(server.pid)])
  const signalAll = (signal: NodeJS.Signals) => {
    for (const pid of processes()) signalProcess(pid, signal)
  }
  const stopped = () =>
    new Promise<void>((resolve) =>
      server && server.exitCode === null && server.signalCode === null
        ? server.once('exit', () => resolve())
        : resolve(),
    )

  const cluster: PostgresCluster = {
    port,
    url: (database = 'postgres') => `postgres://mintage:loopback@127.0.0.1:${port}/${database}`,
    start: async () => {
      server = startServer(binaries, folder, owner, { ...serverSettings(data, port), ...settings })
      await ready(server)
    },
    pause: () => signalAll('SIGSTOP'),
    resume: () => signalAll('SIGCONT'),
    kill: async () => {
      signalAll('SIGKILL')
      await stopped()
    },
    destroy: async () => {
      signalAll('SIGCONT')
      server?.kill('SIGQUIT')
      await stopped()
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
    },
  }
  await cluster.start()
  return cluster
}

/** PostgreSQL refuses to run as root, so it then runs as the user `postgres` of the Debian package. */
function serverOwner(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined
  const id = (option: string) => Number(execFileSync('id', [option, 'postgres'], { encoding: 'utf8' }))
  return { uid: id('-u'), gid: id('-g') }
}

function serverSettings(data: string, port: number): Record<string, string> {
  return {
    data_directory: data,
    port: String(port),
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    fsync: 'off',
    full_page_writes: 'off',
    synchronous_commit: 'off',
    max_connections: '200',
    max_prepared_transactions: '10',
    shared_buffers: '64MB',
    autovacuum: 'off',
    max_wal_size: '256MB',
  }
}

/** With setpriv, the server ends when the test run ends, however that happens. */
function startServer(
  binaries: string,
  folder: string,
  owner: { uid: number; gid: number } | undefined,
  settings: Record<string, string>,
): ChildProcess {
  const postgres = [
    join(binaries, 'postgres'),
    '-D',
    join(folder, 'data'),
    ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
  ]
  const user = owner ? [`--reuid=${owner.uid}`, `--regid=${owner.gid}`, '--clear-groups'] : []
  const [command = '', ...args] = existsSync('/usr/bin/setpriv')
    ? ['/usr/bin/setpriv', '--pdeathsig=QUIT', ...user, ...postgres]
    : postgres
  const identity = command === '/usr/bin/setpriv' ? {} : owner
  return spawn(command, args, { ...identity, cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] })
}

/** Waits until the server prints that it is ready. Reads and drops later output, so that the pipe never fills. */
function ready(server: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let said = ''
    server.stderr?.setEncoding('utf8').on('data', (text: string) => {
      if (said.length < 20_000) said += text
      if (/ready to accept (read-only )?connections/.test(said)) resolve()
    })
    server.once('error', reject)
    server.once('exit', (code) => reject(new Error(`PostgreSQL did not start (exit ${code}):\n${said}`)))
  })
}

function childrenOf(pid: number): number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number)
  } catch {
    return []
  }
}

function signalProcess(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch {
    // The process has already ended.
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address()
      probe.close(() =>
        typeof address === 'object' && address ? resolve(address.port) : reject(new Error('no free port')),
      )
    })
  })
}
