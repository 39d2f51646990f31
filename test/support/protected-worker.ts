import { Hono } from 'hono'
import { requireAccessToken } from '../../src/kit/hono.ts'
import { postgresRevocationList } from '../../src/kit/revocation/index.ts'
import { createVerifier, type Verifier } from '../../src/kit/verify.ts'

type Env = { HYPERDRIVE: { connectionString: string }; ISSUER: string; AUDIENCE: string }

let verifier: Verifier | undefined

/** A downstream application on Workers: one protected route, with the strict list on the service's database. */
export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    verifier ??= createVerifier({
      issuer: env.ISSUER,
      audience: env.AUDIENCE,
      environment: 'test',
      revocations: postgresRevocationList({ url: env.HYPERDRIVE.connectionString, mode: 'strict' }),
    })
    const app = new Hono()
    app.use('/orders/*', requireAccessToken({ verifier, scope: 'orders:read' }))
    app.get('/orders/:id', (c) => c.json({ by: c.var.accessToken.clientId }))
    return await app.fetch(request)
  },
}
