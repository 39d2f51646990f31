import postgres from 'postgres'
import { describe, expect, test } from 'vitest'
import { systemPrincipal } from '../../src/access/principal.ts'
import { generateApiKey } from '../../src/api-keys/format.ts'
import { bootstrap } from '../../src/bootstrap.ts'
import { createServices } from '../../src/compose.ts'
import { loadConfig } from '../../src/config/settings.ts'
import { runMaintenance } from '../../src/maintenance.ts'
import { openDatabase } from '../../src/node/open-database.ts'
import { nodePlatform } from '../../src/node/platform.ts'
import { createLog } from '../../src/observability/log.ts'
import { noMetrics } from '../../src/observability/metrics.ts'
import type { Services } from '../../src/services.ts'
import { activePeriods } from '../../src/signing-keys/activations.ts'
import { replaceSigningKey } from '../../src/signing-keys/replace.ts'
import { rotateSigningKey } from '../../src/signing-keys/rotate.ts'
import { createPostgresDatabase, databaseKinds } from '../support/databases.ts'
import { deploymentEnvironment } from '../support/deployment-environment.ts'
import { keepForInspection } from '../support/printed-credentials.ts'
import { eventually, run, startServiceProcess } from '../support/service-process.ts'

const rotateEverySeconds = 3600
const rootKey = generateApiKey('live')

type Deployment = { url: string; env: Record<string, string> }

/**
 * A deployment whose ring has this age. At one rotation interval the planned keys have just become active, and the next
 * ones are due.
 */
async function deployment(ageSeconds: number): Promise<Deployment> {
  const url = await createPostgresDatabase()
  const env = {
    ...deploymentEnvironment({ databaseUrl: url, issuer: 'http://localhost:8787', rootKey }),
    MINTAGE_ROTATE_EVERY: String(rotateEverySeconds),
  }
  await withServices(env, async (services) => {
    const now = () => new Date(Date.now() - ageSeconds * 1000)
    await bootstrap({ ...services, now }, { withTestKey: false })
  })
  return { url, env }
}

async function withServices(
  env: Record<string, string>,
  work: (services: Services) => Promise<unknown>,
): Promise<void> {
  const settings = loadConfig(env)
  const { database, keyEncryption } = await openDatabase(settings, { deadlineMilliseconds: 60_000 })
  const log = createLog({ threshold: 'error', now: () => new Date(), write: keepForInspection })
  const runtime = { platform: nodePlatform(), keyEncryption, log, metrics: noMetrics }
  await work(createServices(settings.config, database, { ...runtime, revocations: { refreshInRequest: true } }))
  await database.close()
}

/** The active kid of each purpose, computed from the rows, and the number of rows. */
async function ringOf(url: string, now = Date.now()) {
  const sql = postgres(url, { max: 1, onnotice: () => {} })
  const rows = await sql<{ purpose: string; sequence: number; kid: string; at: number }[]>`
    select purpose, sequence, kid, (extract(epoch from activates_at) * 1000)::float8 as at from signing_key_activations`
  const keys = await sql<
    { kid: string; revoked: boolean }[]
  >`select kid, revoked_at is not null as revoked from signing_keys order by kid`
  const rules = await sql<{ value: string }[]>`select value from revocations order by value`
  await sql.end()
  const active = ['token', 'record'].map((purpose) => {
    const history = rows
      .filter((row) => row.purpose === purpose)
      .map(({ sequence, kid, at }) => ({ sequence, kid, activatesAt: new Date(at) }))
    return activePeriods(history).filter(({ from, until }) => from <= now && now < until)
  })
  const planned = rows.filter(({ at }) => at > now).map(({ purpose }) => purpose)
  return { active, planned, rows: rows.length, keys, rules }
}

type Action = { action: string; ageSeconds: number; again: (services: Services) => Promise<unknown> }
type Fallen = Deployment & { before: Awaited<ReturnType<typeof ringOf>> }

const points = ['after insert', 'before activate', 'after activate', 'after commit']
const maintain = { action: 'maintain', ageSeconds: rotateEverySeconds, again: runMaintenance }
const rotate = {
  action: 'rotate',
  ageSeconds: 60,
  again: (services: Services) => rotateSigningKey(services, systemPrincipal, { purpose: 'token', force: true }),
}
const replace = {
  action: 'replace',
  ageSeconds: 60,
  again: (services: Services) =>
    replaceSigningKey(services, systemPrincipal, { purpose: 'token', distrustPending: true }),
}
/** The last one is for the start of a service. */
const actions: Action[] = [maintain, rotate, replace, maintain]
const moves = actions.slice(0, 3).flatMap((action, index) => points.map((point) => ({ ...action, index, point })))

const fallen = new Map<string, Promise<Fallen[]>>()

/**
 * Deployments in the order of the actions. Each action had reached this point when the process of all of them was
 * killed.
 */
function killedAt(point: string): Promise<Fallen[]> {
  const known = fallen.get(point) ?? kill(point)
  fallen.set(point, known)
  return known
}

async function kill(point: string): Promise<Fallen[]> {
  const struck = await Promise.all(
    actions.map(async ({ action, ageSeconds }) => {
      const made = await deployment(ageSeconds)
      return { action, ...made, before: await ringOf(made.url) }
    }),
  )
  const killed = run('test/support/killed-instance.ts', {
    args: [point],
    env: { DEPLOYMENTS: JSON.stringify(struck.map(({ action, env }) => ({ action, env }))) },
  })
  await killed.ended
  expect([killed.process.signalCode, killed.printed()]).toEqual(['SIGKILL', ''])
  return struck
}

describe.runIf(databaseKinds.includes('postgres'))('A60 · kill -9', () => {
  test.each(moves)(
    'A60 · of $action, $point: never two active keys, never none, nothing half done, and the next run continues',
    async ({ index, point, again }) => {
      const { url, env, before } = fallenBy(await killedAt(point), index)
      // The server notices the closed socket and rolls back what was not committed.
      await eventually(async () => (await openConnections(url)) === 0)
      const after = await ringOf(url)
      for (const active of after.active) expect(active).toHaveLength(1)
      if (point === 'after commit') expect(after.rows).toBeGreaterThan(before.rows)
      else expect(after).toEqual(before)
      for (const { kid, revoked } of after.keys) expect(after.rules.some(({ value }) => value === kid)).toBe(revoked)

      await endLease(url)
      await withServices(env, again)
      const resumed = await ringOf(url, Date.now() + 5)
      const activeKids = resumed.active.map(([period]) => period?.kid)
      for (const active of resumed.active) expect(active).toHaveLength(1)
      expect(resumed.keys.filter(({ kid, revoked }) => revoked && activeKids.includes(kid))).toEqual([])
      for (const purpose of ['token', 'record']) expect(resumed.planned).toContain(purpose)
    },
  )

  test('A60 · of maintenance: the next start of the service continues where it stopped', async () => {
    const { url, env } = fallenBy(await killedAt('after insert'), actions.length - 1)
    await endLease(url)
    const service = await startServiceProcess({ env })
    await eventually(async () => {
      const { keys } = await (await fetch(`${service.url}/.well-known/jwks.json`)).json()
      return keys.length === 3
    })
    expect((await fetch(`${service.url}/token`, { method: 'POST', headers: { 'x-api-key': rootKey } })).status).toBe(
      200,
    )
  })
})

function fallenBy(struck: readonly Fallen[], index: number): Fallen {
  const one = struck[index]
  if (!one) throw new Error('every action must have a deployment')
  return one
}

async function openConnections(url: string): Promise<number> {
  const sql = postgres(url, { max: 1, onnotice: () => {} })
  const [row] = await sql<{ count: number }[]>`
    select count(*)::int as count from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`
  await sql.end()
  return row?.count ?? 0
}

/** Makes the lease of the killed process expire. */
async function endLease(url: string): Promise<void> {
  const sql = postgres(url, { max: 1, onnotice: () => {} })
  await sql`update leases set expires_at = now() - interval '1 second'`
  await sql.end()
}
