import { generateApiKey } from '../src/api-keys/format.ts'
import { generateRawKek } from '../src/crypto/kek/raw.ts'
import { openPostgresForBench } from './database.ts'
import { insertApiKeys } from './keys.ts'
import { alternate } from './load.ts'
import { startServer, type Usage } from './server-process.ts'
import { microseconds, perSecond, printTable, type Row } from './table.ts'

const knownKeys = 100_000
const usedKeys = 500

/** Compares `POST /token` on PostgreSQL with its bare floor, and with a server that has every key in memory. */
export async function benchToken({ rounds, seconds }: { rounds: number; seconds: number }): Promise<void> {
  const database = await openPostgresForBench()
  if (!database) {
    console.log('\nPOST /token: skipped: it needs PostgreSQL (server binaries, or TEST_DATABASE_URL)')
    return
  }
  const environment = {
    DATABASE_URL: database.url,
    DATABASE_MIGRATION_URL: database.url,
    MINTAGE_ISSUER: 'http://localhost:8787',
    MINTAGE_ALLOW_HTTP: 'true',
    MINTAGE_KEK: generateRawKek(),
    MINTAGE_ROOT_API_KEY: generateApiKey('live'),
    HOST: '127.0.0.1',
    PORT: '0',
  }
  const product = await startServer('mintage', environment)
  try {
    const requests = (await insertApiKeys(database.sql, { known: knownKeys, used: usedKeys })).map((apiKey) => ({
      method: 'POST',
      path: '/token',
      headers: { Authorization: `Bearer ${apiKey}` },
    }))
    const started = await product.usage()
    const floor = await startServer('bare-floor', environment)
    const cached = await startServer('cached-floor', {})
    const contenders = [
      { name: 'mintage', server: product, requests },
      { name: 'bare floor', server: floor, requests },
      { name: 'cached key and jose', server: cached, requests },
    ]
    for (const inFlight of [1, 32, 64]) {
      const measured = await alternate(contenders, { rounds, seconds, inFlight })
      const ours = measured.get('mintage')?.cpuMicroseconds ?? Number.NaN
      const rows = [...measured].flatMap(([name, { requestsPerSecond, cpuMicroseconds }]): Row[] => {
        const figures = { 'requests/s': perSecond(requestsPerSecond), 'CPU µs': microseconds(cpuMicroseconds) }
        if (name === 'mintage') return [{ subject: name, figures }]
        const target = name === 'bare floor' ? 0.9 : inFlight > 1 ? 1.3 : undefined
        return [{ subject: name, figures, ratio: cpuMicroseconds / ours, target }]
      })
      printTable(`POST /token, ${inFlight} in flight, ${knownKeys.toLocaleString('en-US')} keys`, rows)
    }
    const loaded = await product.usage()
    const megabytes = (usage: Usage) => (usage.residentBytes / 1e6).toFixed(0)
    console.log(
      `  memory of the service: ${megabytes(started)} MB idle after the start (target ≤ 100), ${megabytes(loaded)} MB after the load`,
    )
    await Promise.all([floor.stop(), cached.stop()])
  } finally {
    await product.stop()
    await database.close()
  }
}
