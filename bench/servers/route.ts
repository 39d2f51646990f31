import { createServer } from 'node:http'
import { getRequestListener } from '@hono/node-server'
import { Hono } from 'hono'
import { requireAccessToken } from '../../src/kit/hono.ts'
import { localKeySet } from '../../src/kit/key-sets/local-key-set.ts'
import { memoryRevocationList } from '../../src/kit/revocation/memory.ts'
import { createVerifier } from '../../src/kit/verify.ts'
import { audience, issuer } from '../tokens.ts'
import { report } from './report.ts'

// An application with the same route twice: without authentication, and behind the middleware with a filled revocation
// list.

const rules = Number(process.env.RULES)
const jwks = JSON.parse(process.env.JWKS ?? '')
const verifier = createVerifier({
  issuer,
  audience,
  keys: localKeySet(async () => jwks),
  revocations: memoryRevocationList({
    rules: Array.from({ length: rules }, () => ({ kind: 'token', value: crypto.randomUUID() })),
  }),
})

const app = new Hono()
app.get('/open/:id', (c) => c.json({ id: c.req.param('id'), by: 'nobody' }))
app.use('/orders/*', requireAccessToken({ verifier, scope: 'orders:read' }))
app.get('/orders/:id', (c) => c.json({ id: c.req.param('id'), by: c.var.accessToken.clientId }))

const server = createServer(getRequestListener(app.fetch))
server.listen(0, '127.0.0.1', () => {
  const address = server.address()
  if (typeof address === 'object' && address) report(address.port)
})
