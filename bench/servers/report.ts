import type { Usage } from '../server-process.ts'

/** Tells the benchmark where this server listens, and from then on what it has used. */
export function report(port: number): void {
  process.on('message', () => {
    const { user, system } = process.cpuUsage()
    process.send?.({ cpuMicroseconds: user + system, residentBytes: process.memoryUsage.rss() } satisfies Usage)
  })
  process.on('SIGTERM', () => process.exit(0))
  process.send?.({ port })
}
