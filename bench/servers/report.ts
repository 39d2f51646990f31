import type { Usage } from '../server-process.ts'

/** Sends this server's port to the benchmark, then answers with its resource usage. */
export function report(port: number): void {
  process.on('message', () => {
    const { user, system } = process.cpuUsage()
    process.send?.({ cpuMicroseconds: user + system, residentBytes: process.memoryUsage.rss() } satisfies Usage)
  })
  process.on('SIGTERM', () => process.exit(0))
  process.send?.({ port })
}
