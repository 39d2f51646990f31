import autocannon, { type Request } from 'autocannon'
import type { ServerProcess } from './server-process.ts'

type Contender = { name: string; server: ServerProcess; requests: readonly Request[] }
type Measured = { requestsPerSecond: number; cpuMicroseconds: number }

/**
 * Loads the contenders in turn, `rounds` times, so that other load on the machine affects all alike. Returns the
 * medians of each.
 */
export async function alternate(
  contenders: readonly Contender[],
  { rounds, seconds, inFlight }: { rounds: number; seconds: number; inFlight: number },
): Promise<Map<string, Measured>> {
  const all = new Map<string, Measured[]>(contenders.map(({ name }) => [name, []]))
  // Warm up first. After one second, compiler threads are still busy with the larger program, and their time counts
  // too.
  for (const contender of contenders) await load(contender, 4, 32)
  for (let round = 0; round < rounds; round++) {
    for (const contender of contenders) all.get(contender.name)?.push(await load(contender, seconds, inFlight))
  }
  return new Map([...all].map(([name, results]) => [name, medians(results)]))
}

async function load({ name, server, requests }: Contender, seconds: number, connections: number): Promise<Measured> {
  const before = await server.usage()
  const result = await autocannon({ url: server.url, connections, duration: seconds, requests })
  const after = await server.usage()
  const answered = result['2xx']
  if (answered === 0 || result.non2xx + result.errors > 0) {
    throw new Error(`${name}: ${answered} answers were 2xx, ${result.non2xx} were not, ${result.errors} errors`)
  }
  return {
    requestsPerSecond: answered / result.duration,
    cpuMicroseconds: (after.cpuMicroseconds - before.cpuMicroseconds) / answered,
  }
}

function medians(results: readonly Measured[]): Measured {
  return {
    requestsPerSecond: median(results.map((result) => result.requestsPerSecond)),
    cpuMicroseconds: median(results.map((result) => result.cpuMicroseconds)),
  }
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length / 2
  return ((sorted[Math.ceil(middle - 1)] ?? Number.NaN) + (sorted[Math.floor(middle)] ?? Number.NaN)) / 2
}
