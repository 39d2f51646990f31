/**
 * A small application as a user would write it, on `mintage` or `mintage-kit`. It protects a route. For each token that
 * it
 * reads from standard input it calls this route itself, and prints a line `status body`.
 */
export function applicationFiles(packageName: string): Record<string, string> {
  return { 'tsconfig.json': tsconfig, 'main.ts': main.replaceAll('mintage/', `${packageName}/`) }
}

const tsconfig = JSON.stringify({
  compilerOptions: {
    target: 'es2024',
    lib: ['es2024', 'dom'],
    types: [],
    module: 'nodenext',
    strict: true,
    exactOptionalPropertyTypes: true,
    skipLibCheck: false,
    outDir: 'built',
  },
  files: ['main.ts'],
})

const main = `
import { Hono } from 'hono'
import { requireAccessToken } from 'mintage/hono'
import { feedRevocationList, memoryRevocationList, postgresRevocationList } from 'mintage/revocation'
import { type AccessToken, AccessTokenError, createVerifier } from 'mintage/verify'

declare const process: { env: Record<string, string>; stdin: AsyncIterable<Uint8Array>; stdout: { write(text: string): void } }

const { ISSUER: issuer = '', AUDIENCE: audience = '' } = process.env
const verifier = createVerifier({ issuer, audience, environment: 'test' })

// @ts-expect-error An audience must be named: without one, a token for any audience would be accepted.
export const careless = () => createVerifier({ issuer })

export const lists = {
  feed: () => feedRevocationList({ issuer }),
  memory: () => memoryRevocationList(),
  synced: (url: string) => postgresRevocationList({ url, mode: 'synced' }),
  strict: (url: string) => postgresRevocationList({ url, mode: 'strict' }),
}
export const verifiers = Object.values(lists).map((list) => () => createVerifier({ issuer, audience, revocations: list('') }))

const app = new Hono()
app.use('/orders/*', requireAccessToken({ verifier, scope: 'orders:read' }))
app.get('/orders/:id', (c) => {
  const token: AccessToken = c.var.accessToken
  const by: string = token.clientId
  // @ts-expect-error The claims have types: they are not any.
  const wrong: number = token.clientId
  return c.json({ by, wrong, scopes: [...token.scopes] })
})

export const isTokenError = (error: unknown): boolean => error instanceof AccessTokenError

await verifier.ready(10_000)
const decoder = new TextDecoder()
for await (const chunk of process.stdin) {
  for (const token of decoder.decode(chunk).split('\\n').filter((line) => line !== '')) {
    const headers: Record<string, string> = token === 'none' ? {} : { Authorization: 'Bearer ' + token }
    const response = await app.request('/orders/1', { headers })
    process.stdout.write(response.status + ' ' + (await response.text()).replaceAll('\\n', ' ') + '\\n')
  }
}
await verifier.close()
`
