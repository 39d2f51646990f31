import { serve } from '@hono/node-server'
import { Hono } from 'hono'
import { requireAccessToken } from '../../src/kit/hono.ts'
import { postgresRevocationList } from '../../src/kit/revocation/index.ts'
import { createVerifier } from '../../src/kit/verify.ts'

/**
 * A downstream application in a separate process: one protected route. Its configuration comes from the environment.
 */
const { ISSUER = '', AUDIENCE = '', PORT = '0', MINTAGE_REVOCATIONS_URL } = process.env

const verifier = createVerifier({
  issuer: ISSUER,
  audience: AUDIENCE,
  environment: 'test',
  ...(MINTAGE_REVOCATIONS_URL ? { revocations: postgresRevocationList({ url: MINTAGE_REVOCATIONS_URL }) } : {}),
})

const app = new Hono()
app.get('/open', (c) => c.text('open'))
app.use('/orders/*', requireAccessToken({ verifier, scope: 'orders:read' }))
app.get('/orders/:id', (c) => c.json({ by: c.var.accessToken.clientId }))
serve({ fetch: app.fetch, port: Number(PORT), hostname: '127.0.0.1' })
