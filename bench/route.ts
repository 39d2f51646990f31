import { alternate } from './load.ts'
import { startServer } from './server-process.ts'
import { microseconds, perSecond, printTable, type Row } from './table.ts'
import { createTestIssuer } from './tokens.ts'

const rules = 1000

/**
 * Compares a protected Hono route, with cached tokens and a live revocation list, with the same route without
 * authentication.
 */
export async function benchRoute({ rounds, seconds }: { rounds: number; seconds: number }): Promise<void> {
  const { jwks, tokens } = await createTestIssuer()
  const credentials = (await tokens(100)).map((token) => ({ Authorization: `Bearer ${token}` }))
  const server = await startServer('route', { JWKS: JSON.stringify(jwks), RULES: String(rules) })
  // Both requests have the header, so that parsing it is not compared.
  const requests = (path: string) => credentials.map((headers) => ({ path, headers }))
  try {
    const contenders = [
      { name: 'without authentication', server, requests: requests('/open/1') },
      { name: 'requireAccessToken', server, requests: requests('/orders/1') },
    ]
    const measured = await alternate(contenders, { rounds, seconds, inFlight: 32 })
    const ours = measured.get('requireAccessToken')?.cpuMicroseconds ?? Number.NaN
    const rows = [...measured].map(([subject, { requestsPerSecond, cpuMicroseconds }]): Row => {
      const figures = { 'requests/s': perSecond(requestsPerSecond), 'CPU µs': microseconds(cpuMicroseconds) }
      return subject === 'requireAccessToken'
        ? { subject, figures }
        : { subject, figures, ratio: cpuMicroseconds / ours, target: 0.8 }
    })
    printTable(`protected route, cached tokens, ${rules.toLocaleString('en-US')} revocation rules, 32 in flight`, rows)
  } finally {
    await server.stop()
  }
}
