import { resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { unstable_startWorker } from 'wrangler'
import { generateApiKey } from '../../src/api-keys/format.ts'
import { createKeyEncryption } from '../../src/crypto/envelope.ts'
import { generateRawKek } from '../../src/crypto/kek/raw.ts'
import { algorithms } from '../../src/signing-keys/signer.ts'
import { insertActiveKey } from '../support/active-signing-key.ts'
import { verifyTrail } from '../support/audit-trail.ts'
import { releaseAfterFile } from '../support/cleanup.ts'
import { databaseKinds, openTestDatabase } from '../support/databases.ts'
import { callOrders, createKey, exchange, liveTheJourney } from '../support/journey.ts'
import { partsOf } from '../support/oauth-requests.ts'
import { eventually, freePort, startServiceProcess } from '../support/service-process.ts'
import { startTcpProxy } from '../support/tcp-proxy.ts'

const root = resolve(import.meta.dirname, '../..')
const rootKey = generateApiKey('live')

type Worker = Awaited<ReturnType<typeof unstable_startWorker>>
const started: Worker[] = []

async function startWorker(entrypoint: string, port: number, variables: Record<string, string>): Promise<string> {
  const plain = (value: string) => ({ type: 'plain_text', value }) as const
  const worker = await unstable_startWorker({
    config: resolve(root, 'wrangler.toml'),
    entrypoint: resolve(root, entrypoint),
    bindings: Object.fromEntries(Object.entries(variables).map(([name, value]) => [name, plain(value)])),
    dev: {
      server: { hostname: '127.0.0.1', port },
      inspector: false,
      watch: false,
      logLevel: 'error',
      persist: false,
      remote: false,
    },
  })
  started.push(worker)
  await worker.ready
  return `http://127.0.0.1:${port}`
}

describe.runIf(databaseKinds.includes('postgres'))('the service in workerd with PostgreSQL', () => {
  let service = ''
  let app = ''
  let env: Record<string, string> = {}
  const kek = generateRawKek()

  beforeAll(async () => {
    process.env.WRANGLER_SEND_METRICS = 'false'
    process.env.CLOUDFLARE_CF_FETCH_ENABLED = 'false'
    const database = await openTestDatabase('postgres')
    const { url } = database
    if (!url) throw new Error('a PostgreSQL database has a URL')
    const [servicePort, appPort] = [await freePort(), await freePort()]
    const issuer = `http://localhost:${servicePort}`
    const variables = { MINTAGE_ISSUER: issuer, MINTAGE_ALLOW_HTTP: 'true', MINTAGE_KEK: kek }
    // A Worker never does the first start: an instance on Node creates the ring and the declared root key.
    env = { ...variables, DATABASE_URL: url, MINTAGE_ROOT_API_KEY: rootKey, HOST: '127.0.0.1' }
    await (await startServiceProcess({ env })).end()
    const ring = { db: database.db, keyEncryption: await createKeyEncryption({ kek }), now: () => new Date() }
    for (const algorithm of algorithms) if (algorithm !== 'ES256') await insertActiveKey(ring, algorithm)
    process.env.CLOUDFLARE_HYPERDRIVE_LOCAL_CONNECTION_STRING_HYPERDRIVE = withAnyPassword(url)
    service = await startWorker('src/workers/main.ts', servicePort, variables)
    app = await startWorker('test/support/protected-worker.ts', appPort, { ISSUER: issuer, AUDIENCE: `${issuer}/api` })
  })

  test('by strict list in another Worker, revoking a key soon revokes all of its tokens', async () => {
    const took = await liveTheJourney({ url: service }, { url: app }, rootKey, 1000)
    console.info(`refused by strict list in workerd after ${Math.round(took)} ms`)
  })

  test('is ready, and publishes its metadata, keys and feed', async () => {
    const ready = await fetch(`${service}/readyz`)
    expect(await ready.json()).toMatchObject({ status: 'ready' })
    for (const path of [
      '/',
      '/.well-known/oauth-authorization-server',
      '/.well-known/openid-configuration',
      '/.well-known/jwks.json',
      '/.well-known/record-keys.json',
      '/revocations',
    ]) {
      expect((await fetch(service + path)).status, path).toBe(200)
    }
  })

  test.each(algorithms)('signs by %s, and another Worker verifies it', async (tokenAlgorithm) => {
    const wanted = { name: tokenAlgorithm, environment: 'test', scopes: ['orders:read'], tokenAlgorithm }
    const { secret } = await createKey(service, rootKey, wanted)
    const token = await exchange(service, { method: 'POST', headers: { 'x-api-key': secret } })
    expect(partsOf(token).header).toMatchObject({ alg: tokenAlgorithm })
    expect((await callOrders({ url: app }, token)).status).toBe(200)
  })

  test('issues no token that is dead on arrival, also if another instance has just enabled the key', async () => {
    const node = await startServiceProcess({ env })
    onTestFinished(async () => void (await node.end()))
    const asRoot = { authorization: `Bearer ${rootKey}` }
    for (const instance of [service, node.url]) {
      const { id, secret } = await createKey(service, rootKey, { name: 'enabled', environment: 'test' })
      const request = { method: 'POST', headers: { 'x-api-key': secret } }
      await exchange(service, request) // now this isolate has just read the revocation list
      for (const verb of ['disable', 'enable']) {
        expect((await fetch(`${instance}/v1/api-keys/${id}/${verb}`, { method: 'POST', headers: asRoot })).ok).toBe(
          true,
        )
      }
      const refused = await fetch(`${service}/token`, request)
      expect([refused.status, await refused.json()]).toMatchObject([503, { error: 'temporarily_unavailable' }])
      const seconds = Number(refused.headers.get('retry-after'))
      expect(seconds > 0 && seconds <= 32, String(seconds)).toBe(true)
    }
  })

  test('refuses a wrong key as on Node', async () => {
    const refused = await fetch(`${service}/token`, {
      method: 'POST',
      headers: { 'x-api-key': generateApiKey('live') },
    })
    expect(refused.status).toBe(401)
    expect(await refused.json()).toMatchObject({ error: 'invalid_client' })
  })

  test('records usage of keys and fetches of the key set after its answers', async () => {
    const asRoot = { authorization: `Bearer ${rootKey}` }
    expect((await fetch(`${service}/token`, { method: 'POST', headers: asRoot })).status).toBe(200)
    const { id } = await (await fetch(`${service}/v1/me`, { headers: asRoot })).json()
    await eventually(async () => {
      const { usage } = await (await fetch(`${service}/v1/api-keys/${id}`, { headers: asRoot })).json()
      return usage[0].exchanges >= 1
    })
    await fetch(`${service}/.well-known/jwks.json`, { headers: { ...asRoot, 'mintage-verifier': 'edge' } })
    await eventually(async () => {
      const { items } = await (await fetch(`${service}/v1/verifiers`, { headers: asRoot })).json()
      return items.some(
        (verifier: { name: string; clientId: string }) => verifier.name === 'edge' && verifier.clientId === id,
      )
    })
  })

  test('exports the audit trail while its database connection stays open', async () => {
    const answer = await fetch(`${service}/v1/audit-events/export`, { headers: { 'x-api-key': rootKey } })
    expect(answer.status).toBe(200)
    const { faults, events } = await verifyTrail((await answer.text()).trimEnd().split('\n'))
    expect(faults).toEqual([])
    expect(events).toBeGreaterThan(1)
  })

  test('maintenance runs by cron', async () => {
    const ran = await fetch(`${service}/cdn-cgi/handler/scheduled?cron=${encodeURIComponent('* * * * *')}`)
    expect([ran.status, await ran.text()]).toEqual([200, 'ok'])
  })

  test('keeps no metrics, and answers 404 for them', async () => {
    expect((await fetch(`${service}/metrics`)).status).toBe(404)
  })
})

/** workerd's Hyperdrive needs a password in the connection string. The test cluster trusts loopback and ignores it. */
afterAll(async () => {
  await Promise.all(started.map((worker) => worker.dispose()))
})

describe.runIf(databaseKinds.includes('postgres'))(
  'the service in workerd on a server that says it is CockroachDB',
  () => {
    test('answers no request, not even one that needs no database', async () => {
      const { url: postgresUrl = '' } = await openTestDatabase('postgres')
      const url = new URL(postgresUrl)
      const proxy = await startTcpProxy(Number(url.port))
      releaseAfterFile(async () => proxy.close())
      proxy.disguise('PostgreSQL 15', 'CockroachDB 5')
      url.port = String(proxy.port)
      process.env.CLOUDFLARE_HYPERDRIVE_LOCAL_CONNECTION_STRING_HYPERDRIVE = withAnyPassword(url.href)
      const port = await freePort()
      const issuer = `http://localhost:${port}`
      const service = await startWorker('src/workers/main.ts', port, {
        MINTAGE_ISSUER: issuer,
        MINTAGE_ALLOW_HTTP: 'true',
        MINTAGE_KEK: generateRawKek(),
      })
      for (let request = 0; request < 2; request += 1) {
        const answer = await fetch(`${service}/healthz`)
        expect(answer.status).toBe(500)
        expect(await answer.text()).toContain('the database is CockroachDB')
      }
    })
  },
)

function withAnyPassword(text: string): string {
  const url = new URL(text)
  url.password ||= 'unused'
  return url.toString()
}
