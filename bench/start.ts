import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { median } from './load.ts'
import { printTable } from './table.ts'

const port = 18_787

/** Time from the command to `/readyz`, on the embedded database: the first start in a folder, and later ones. */
export async function benchStart({ rounds }: { rounds: number }): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'mintage-bench-'))
  try {
    const first = await millisecondsOfStart(folder)
    const later: number[] = []
    for (let round = 0; round < rounds; round++) later.push(await millisecondsOfStart(folder))
    printTable('start on the embedded database', [
      { subject: 'first start', figures: { ms: String(Math.round(first)) } },
      { subject: 'later starts, median', figures: { ms: String(Math.round(median(later))) } },
    ])
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function millisecondsOfStart(folder: string): Promise<number> {
  const started = performance.now()
  const service = spawn(process.execPath, [fileURLToPath(new URL('../src/node/main.ts', import.meta.url))], {
    cwd: folder,
    env: { PATH: process.env.PATH ?? '', PORT: String(port), LOG_LEVEL: 'error' },
    stdio: 'ignore',
  })
  const ended = once(service, 'exit')
  await ready(service)
  const milliseconds = performance.now() - started
  service.kill('SIGTERM')
  await ended
  return milliseconds
}

async function ready(service: ChildProcess): Promise<void> {
  while (!(await fetch(`http://127.0.0.1:${port}/readyz`).catch(() => undefined))?.ok) {
    if (service.exitCode !== null) throw new Error(`the service ended with ${service.exitCode}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}
