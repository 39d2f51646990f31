import { createServer } from 'node:http'
import { getRequestListener } from '@hono/node-server'
import { Hono } from 'hono'
import { generateKeyPair, SignJWT } from 'jose'
import { report } from './report.ts'

// The simplest service: Hono, a Map of all keys, jose. It does no database work, so it never notices a revocation.

const { privateKey } = await generateKeyPair('ES256')
const issuer = 'http://localhost:8787'
const known = new Map<string, { id: string; organizationId: string; scope: string }>()

const app = new Hono()
app.post('/token', async (c) => {
  const secret = c.req.header('authorization')?.slice('Bearer '.length) ?? ''
  // The first request with a key stands for the lookup that fills the cache.
  const apiKey = known.get(secret) ?? {
    id: `key_${crypto.randomUUID()}`,
    organizationId: `org_${crypto.randomUUID()}`,
    scope: 'orders:read',
  }
  known.set(secret, apiKey)
  const { id, organizationId, scope } = apiKey
  const token = await new SignJWT({ client_id: id, scope, org_id: organizationId, env: 'live', key_version: 1 })
    .setProtectedHeader({ alg: 'ES256', kid: 'floor', typ: 'at+jwt' })
    .setIssuer(issuer)
    .setSubject(id)
    .setAudience(`${issuer}/api`)
    .setIssuedAt()
    .setExpirationTime('15m')
    .setJti(crypto.randomUUID())
    .sign(privateKey)
  return c.json({ access_token: token, token_type: 'Bearer', expires_in: 900, scope }, 200, {
    'Cache-Control': 'no-store',
  })
})

const server = createServer(getRequestListener(app.fetch))
server.listen(0, '127.0.0.1', () => {
  const address = server.address()
  if (typeof address === 'object' && address) report(address.port)
})
