// Mintage inside an existing Hono application, under /auth. In your own project the imports read `mintage` and
// `mintage/node`.
import { serve } from '@hono/node-server'
import { Hono } from 'hono'
import { createApp, loadConfig } from '../src/index.ts'
import { processLog, startServices } from '../src/node/index.ts'

// The issuer is the URL under which Mintage is mounted.
const settings = loadConfig({
  MINTAGE_ISSUER: 'http://localhost:3000/auth',
  MINTAGE_ALLOW_HTTP: 'true',
  PORT: '3000',
  ...process.env,
})
const { log, flush } = processLog(settings.logLevel, () => new Date())
const running = await startServices(settings, { log })
const mintage = createApp(() => running.services)

const app = new Hono()
app.get('/', (c) => c.text('the application\n'))
app.mount('/auth', mintage.fetch)
// RFC 8414 §3 puts the metadata of an issuer with a path at the root of the host.
app.get('/.well-known/oauth-authorization-server/auth', (c) => mintage.fetch(c.req.raw, c.env))

const server = serve({ fetch: app.fetch, port: settings.port, hostname: settings.host })
process.once('SIGTERM', async () => {
  await running.drain()
  server.close(() => void running.stop().finally(flush))
})
