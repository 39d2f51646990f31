import postgres from 'postgres'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { generateApiKey } from '../../src/api-keys/format.ts'
import { migrate } from '../../src/db/migrate.ts'
import { deploymentEnvironment } from '../support/deployment-environment.ts'
import { createKey, exchange, revokeKey } from '../support/journey.ts'
import {
  createPostgresCluster,
  createStandby,
  findPostgresBinaries,
  type PostgresCluster,
} from '../support/postgres-cluster.ts'
import {
  eventually,
  freePort,
  run,
  type ServiceProcess,
  startServiceProcess,
  temporaryFolder,
} from '../support/service-process.ts'
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts'

const binaries = findPostgresBinaries()
const rootKey = generateApiKey('live')
const standbyWords = 'the server is in recovery: it is a standby, not the primary'

describe.runIf(binaries !== undefined)('a service whose database has a hot standby that lags', () => {
  let primary: PostgresCluster
  let standby: Awaited<ReturnType<typeof createStandby>>
  let proxy: TcpProxy
  let env: Record<string, string>

  const on = (port: number | string, parameters = '') =>
    typeof port === 'number'
      ? `postgres://mintage:loopback@127.0.0.1:${port}/mintage${parameters}`
      : `postgres://mintage:loopback@${port}/mintage${parameters}`
  const start = async (databaseUrl: string, more: Record<string, string> = {}) =>
    await startServiceProcess({ env: { ...env, DATABASE_URL: databaseUrl, ...more } })
  const token = async ({ url }: ServiceProcess, secret: string) =>
    await fetch(`${url}/token`, { method: 'POST', headers: { 'x-api-key': secret } })
  const readiness = async ({ url }: ServiceProcess) => {
    const response = await fetch(`${url}/readyz`)
    return { status: response.status, body: await response.json() }
  }
  const isReady = async (service: ServiceProcess) => (await readiness(service)).status === 200
  const onPrimary = async (statement: string) => {
    const sql = postgres(primary.url('mintage'), { max: 1, onnotice: () => {} })
    const rows = await sql.unsafe(statement)
    await sql.end()
    return rows
  }

  beforeAll(async () => {
    primary = await createPostgresCluster(binaries ?? '', { synchronous_commit: 'on' })
    const sql = postgres(primary.url(), { max: 1, onnotice: () => {} })
    await sql`create database mintage`
    await sql.end()
    await migrate(on(primary.port))
    env = deploymentEnvironment({ databaseUrl: '', issuer: 'http://localhost:8787', rootKey })
    await (await start(on(primary.port))).end()
    standby = await createStandby(binaries ?? '', primary, { applyDelay: '1h' })
    proxy = await startTcpProxy(primary.port)
  })
  afterAll(async () => {
    proxy?.close()
    await standby?.destroy()
    await primary?.destroy()
  })

  test.each(['none', 'transaction'])(
    'exchanges nothing on it and is not ready there, and recovers by itself on the primary (pooler: %s)',
    async (pooler) => {
      proxy.retarget(primary.port)
      const service = await start(on(proxy.port), pooler === 'none' ? {} : { DATABASE_POOLER: pooler })
      const revoked = await createKey(service.url, rootKey, { name: 'revoked', environment: 'live' })
      const narrowed = await createKey(service.url, rootKey, {
        name: 'narrowed',
        environment: 'live',
        scopes: ['a', 'b'],
      })
      // The standby must know both keys: it applies what it has when its delay is set to 0 for a moment.
      await catchUp()
      expect((await revokeKey(service.url, rootKey, revoked.id)).status).toBe(204)
      await onPrimary(`update api_keys set scopes = '{a}' where id = '${narrowed.id}'`)

      proxy.retarget(standby.port)
      await eventually(async () => (await readiness(service)).body.checks.database.reason === standbyWords)
      expect((await readiness(service)).status).toBe(503)
      for (let count = 0; count < 30; count++) {
        expect((await token(service, revoked.secret)).status).toBe(503)
        expect((await token(service, narrowed.secret)).status).toBe(503)
      }

      proxy.retarget(primary.port)
      await eventually(() => isReady(service))
      // The connections for reads have a breaker of their own, which may close a moment later.
      await eventually(async () => (await token(service, revoked.secret)).status !== 503)
      expect((await token(service, revoked.secret)).status).toBe(401)
      const answer = await (await token(service, narrowed.secret)).json()
      expect(answer.scope).toBe('a')
      await service.end()
    },
  )

  test.each(['none', 'transaction'])(
    'gives no stale answer while a balancer sends some connections to it (pooler: %s)',
    async (pooler) => {
      proxy.retarget(primary.port)
      const direct = await start(on(primary.port))
      const asRoot = { authorization: `Bearer ${rootKey}`, 'content-type': 'application/json' }
      const revoked = await createKey(direct.url, rootKey, { name: 'balanced', environment: 'live' })
      const ended = await exchange(direct.url, { method: 'POST', headers: { 'x-api-key': revoked.secret } })
      const compromised = kidOf(ended)
      await catchUp()
      const balanced = await start(on(proxy.port), pooler === 'none' ? {} : { DATABASE_POOLER: pooler })
      expect((await revokeKey(direct.url, rootKey, revoked.id)).status).toBe(204)
      const replaced = await fetch(`${direct.url}/v1/signing-keys/replace`, {
        method: 'POST',
        headers: asRoot,
        body: JSON.stringify({ compromised: true, distrustPending: true }),
      })
      expect(replaced.status, await replaced.clone().text()).toBe(200)
      proxy.retarget(primary.port, standby.port)

      const ask = async (path: string, init?: RequestInit) => {
        const response = await fetch(`${balanced.url}${path}`, init)
        return { status: response.status, body: await response.json() }
      }
      const requests = {
        exchange: () => ask('/token', { method: 'POST', headers: { 'x-api-key': revoked.secret } }),
        introspect: () =>
          ask('/introspect', {
            method: 'POST',
            headers: { authorization: asRoot.authorization },
            body: new URLSearchParams({ token: ended }),
          }),
        view: () => ask(`/v1/api-keys/${revoked.id}`, { headers: asRoot }),
        newToken: () =>
          ask('/token', {
            method: 'POST',
            headers: { 'x-api-key': rootKey },
          }),
      }
      const isRight = {
        exchange: ({ status }) => status === 401,
        introspect: ({ status, body }) => status === 200 && body.active === false,
        view: ({ status, body }) => status === 200 && body.status === 'revoked',
        newToken: ({ status, body }) => status === 200 && kidOf(body.access_token) !== compromised,
      } satisfies Record<keyof typeof requests, (answer: Awaited<ReturnType<typeof ask>>) => boolean>
      const wrong: unknown[] = []
      const seen = new Set<string>()
      const names = Object.keys(requests) as (keyof typeof requests)[]
      let rounds = 0
      await eventually(async () => {
        await Promise.all(
          [...names, ...names, ...names].map(async (name) => {
            const answer = await requests[name]()
            if (isRight[name](answer)) seen.add(name)
            else if (answer.status === 503) seen.add('refused')
            else wrong.push({ name, ...answer })
          }),
        )
        rounds += 1
        return rounds >= 20 && seen.size > names.length
      })
      expect(wrong).toEqual([])
      await direct.end()
      await balanced.end()
    },
  )

  test.each(['serve', 'migrate', 'bootstrap', 'restored --yes'])(
    '`mintage %s` says in words that it got the standby',
    async (command) => {
      const program = run('src/cli/main.ts', {
        args: command.split(' '),
        cwd: await temporaryFolder(),
        env: { ...env, DATABASE_URL: on(standby.port), PORT: String(await freePort()) },
      })
      expect(await program.ended).toBe(1)
      expect(program.printed()).toContain(`${standbyWords}. Let DATABASE_URL name the primary`)
      expect(program.printed()).not.toMatch(/Failed query|select |insert /)
    },
  )

  test('is not ready while its server is read-only, and recovers when it is not', async () => {
    const service = await start(on(primary.port))
    await onPrimary('alter system set default_transaction_read_only = on')
    await onPrimary('select pg_reload_conf()')
    await eventually(async () => (await readiness(service)).body.checks.database.reason === 'the server is read-only')
    expect(await isReady(service)).toBe(false)
    await onPrimary('alter system reset default_transaction_read_only')
    await onPrimary('select pg_reload_conf()')
    await eventually(() => isReady(service))
    await createKey(service.url, rootKey, { name: 'after', environment: 'live' })
    await service.end()
  })

  test('finds the primary among several hosts, and the new one after a failover', async () => {
    const hosts = `127.0.0.1:${standby.port},127.0.0.1:${primary.port}`
    const service = await start(on(hosts, '?target_session_attrs=read-write'))
    const { secret } = await createKey(service.url, rootKey, { name: 'kept', environment: 'live' })
    await exchange(service.url, { method: 'POST', headers: { 'x-api-key': secret } })
    await eventually(hasReceivedAll)
    await primary.kill()
    await eventually(async () => !(await isReady(service)))
    await standby.promote()
    await eventually(() => isReady(service))
    expect((await token(service, secret)).status).toBe(200)
    await createKey(service.url, rootKey, { name: 'after the failover', environment: 'live' })
    await service.end()
  })

  const kidOf = (token: string) => JSON.parse(atob(token.split('.')[0] ?? '')).kid

  async function onStandby(statement: string) {
    const sql = postgres(standby.url(), { max: 1, onnotice: () => {} })
    const rows = await sql.unsafe(statement)
    await sql.end()
    return rows
  }
  async function hasReceivedAll() {
    const [sent] = await onPrimary('select pg_current_wal_flush_lsn()::text as lsn')
    const [got] = await onStandby(`select pg_last_wal_receive_lsn() >= '${sent?.lsn}'::pg_lsn as all`)
    return got?.all === true
  }
  async function catchUp() {
    await onStandby('alter system set recovery_min_apply_delay = 0')
    await onStandby('select pg_reload_conf()')
    const [sent] = await onPrimary('select pg_current_wal_lsn()::text as lsn')
    await eventually(async () => {
      const [got] = await onStandby(`select pg_last_wal_replay_lsn() >= '${sent?.lsn}'::pg_lsn as all`)
      return got?.all === true
    })
    await onStandby(`alter system set recovery_min_apply_delay = '1h'`)
    await onStandby('select pg_reload_conf()')
  }
})
