import { createPrivateKey, generateKeyPairSync, hash, randomBytes, sign } from 'node:crypto'
import { createServer, type ServerResponse } from 'node:http'
import postgres from 'postgres'
import { report } from './report.ts'

// POST /token with only the irreducible work: hash the key, look it up in PostgreSQL together with requests of the same
// event-loop turn, refuse unusable keys, claims, ES256, JSON. No framework, metrics, log or protocol errors. Shares no
// code with the product.

type Row = Record<string, unknown> & {
  hash: string
  id: string
  version: number
  organization_id: string
  environment: string
  scopes: string[]
}
type Waiting = { hash: string; response: ServerResponse }

const sql = postgres(process.env.DATABASE_URL ?? '', { onnotice: () => {} })
const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const key = createPrivateKey(privateKey.export({ type: 'pkcs8', format: 'pem' }))
const header = encode({ alg: 'ES256', kid: hash('sha256', 'floor', 'base64url'), typ: 'at+jwt' })
const issuer = 'http://localhost:8787'

let waiting: Waiting[] = []

const server = createServer((request, response) => {
  if (request.method !== 'POST' || request.url !== '/token') return refuse(response, 404)
  const [scheme, apiKey] = (request.headers.authorization ?? '').split(' ')
  if (scheme !== 'Bearer' || !apiKey) return refuse(response, 401)
  if (waiting.push({ hash: hash('sha256', apiKey, 'base64url'), response }) === 1) setImmediate(answerAll)
})
server.listen(0, '127.0.0.1', () => {
  const address = server.address()
  if (typeof address === 'object' && address) report(address.port)
})

async function answerAll(): Promise<void> {
  const asked = waiting
  waiting = []
  const rows = await sql<Row[]>`
    select v.hash, v.version, v.expires_at as version_expires_at, k.id, k.organization_id, k.environment, k.scopes, k.audiences, k.roles,
      k.subject, k.expires_at, k.disabled_at, k.revoked_at, o.suspended_at, (select ring_generation from service_state) as ring_generation
    from api_key_versions v join api_keys k on k.id = v.api_key_id join organizations o on o.id = k.organization_id
    where v.hash = any(${asked.map((one) => one.hash)}::text[])`
  const byHash = new Map(rows.map((row) => [row.hash, row]))
  for (const one of asked) answer(one.response, byHash.get(one.hash))
}

function answer(response: ServerResponse, row: Row | undefined): void {
  if (!row || row.revoked_at || row.disabled_at || row.suspended_at || row.expires_at || row.version_expires_at) {
    refuse(response, 401)
    return
  }
  const iat = Math.floor(Date.now() / 1000)
  const scope = row.scopes.join(' ')
  const claims = {
    iss: issuer,
    sub: row.id,
    aud: `${issuer}/api`,
    client_id: row.id,
    iat,
    exp: iat + 900,
    jti: randomBytes(16).toString('base64url'),
    scope,
    org_id: row.organization_id,
    env: row.environment,
    key_version: row.version,
  }
  const input = `${header}.${encode(claims)}`
  const token = `${input}.${fromDer(sign('sha256', Buffer.from(input), key)).toString('base64url')}`
  const body = JSON.stringify({ access_token: token, token_type: 'Bearer', expires_in: 900, scope })
  response.writeHead(200, {
    'Content-Type': 'application/json',
    'Content-Length': body.length,
    'Cache-Control': 'no-store',
    Pragma: 'no-cache',
  })
  response.end(body)
}

function refuse(response: ServerResponse, status: number): void {
  response.writeHead(status).end()
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}

/** SEQUENCE { INTEGER r, INTEGER s } → r‖s; trusts OpenSSL. */
function fromDer(der: Buffer): Buffer {
  const signature = Buffer.alloc(64)
  const rEnd = 4 + (der[3] ?? 0)
  const r = der.subarray(Math.max(4, rEnd - 32), rEnd)
  const s = der.subarray(Math.max(rEnd + 2, der.length - 32))
  r.copy(signature, 32 - r.length)
  s.copy(signature, 64 - s.length)
  return signature
}
