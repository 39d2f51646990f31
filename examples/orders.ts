// An application with one protected route: what the README calls. In your own project the imports read `mintage/hono`
// and `mintage/verify`.
import { serve } from '@hono/node-server'
import { Hono } from 'hono'
import { requireAccessToken } from '../src/kit/hono.ts'
import { createVerifier } from '../src/kit/verify.ts'

const issuer = process.env.MINTAGE_URL ?? 'http://localhost:8787'
const verifier = createVerifier({ issuer, audience: `${issuer}/api`, environment: 'test' })
await verifier.ready()

const app = new Hono()
app.use('/orders/*', requireAccessToken({ verifier, scope: 'orders:read' }))
app.get('/orders/:id', (c) => c.json({ order: c.req.param('id'), by: c.var.accessToken.clientId }))
serve({ fetch: app.fetch, port: 3000, hostname: '127.0.0.1' }, ({ port }) =>
  console.log(`orders on http://localhost:${port}`),
)
