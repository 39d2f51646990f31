import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { createLocalJWKSet, decodeProtectedHeader, type JSONWebKeySet, jwtVerify } from 'jose'
import postgres from 'postgres'
import { generateApiKey } from '../../src/api-keys/format.ts'
import { postgresRevocationList } from '../../src/kit/revocation/index.ts'
import { createVerifier } from '../../src/kit/verify.ts'
import { type ActivePeriod, activePeriods } from '../../src/signing-keys/activations.ts'
import { deploymentEnvironment } from './deployment-environment.ts'

type RotationPlan = {
  /** A migrated database that was never started. */
  databaseUrl: string
  instances: number
  /** Stops after this many rotations for each purpose and this many verifications. */
  rotations: number
  verifications: number
  ceilingMilliseconds: number
  /** How long a key signs. `max-age` is one second; tokens live for two. */
  rotateEverySeconds: number
  /** Pause between two rounds of issuing and verifying. */
  pauseMilliseconds: number
  onProgress?: (report: RotationReport) => void
}

export type RotationReport = {
  seconds: number
  /** How often another key took over, by purpose. */
  rotations: { token: number; record: number }
  tokens: number
  verifications: number
  /** Valid tokens that a verifier refused, and why. */
  refused: string[]
  /** Exchanges that got no token, and why. A moment without an active key shows here. */
  unissued: string[]
  /** Tokens signed by a key that was not active then. Two active keys at once show here. */
  signedByAnother: string[]
  duplicateKids: number
  instancesThatSigned: number
  /** Kids of tokens that were verified. */
  kids: number
}

type Issued = { text: string; expiresAt: number; from: number; until: number; kid: string }

const tokenTtlSeconds = 2

/**
 * Several instances on one database rotate their keys every few seconds. Meanwhile all of them issue tokens, and
 * verifiers that fetch the key set from all of them check these: the kit, and one that keeps its copy for `max-age` and
 * never fetches an unknown kid.
 */
export async function runRotations(plan: RotationPlan): Promise<RotationReport> {
  const instances = await startInstances(plan)
  const sql = postgres(plan.databaseUrl, { max: 2, onnotice: () => {} })
  const revocations = postgresRevocationList({ url: plan.databaseUrl })
  try {
    return await rotate(plan, instances, sql, revocations)
  } finally {
    await revocations.close()
    await sql.end()
    await Promise.all(instances.children.map(stop))
  }
}

type Instances = { urls: string[]; children: ChildProcess[]; issuer: string; rootKey: string }

async function rotate(
  plan: RotationPlan,
  instances: Instances,
  sql: postgres.Sql,
  revocations: ReturnType<typeof postgresRevocationList>,
) {
  const { issuer, urls } = instances
  const audience = `${issuer}/api`
  const apiKey = await createApiKey(instances)
  const started = Date.now()
  const report: RotationReport = {
    seconds: 0,
    rotations: { token: 0, record: 0 },
    tokens: 0,
    verifications: 0,
    refused: [],
    unissued: [],
    signedByAnother: [],
    duplicateKids: 0,
    instancesThatSigned: 0,
    kids: 0,
  }
  const anywhere = (url: string) => fetch(url.replace(issuer, pick(urls)))
  const kit = [0, 10_000].map((cacheSize) =>
    createVerifier({
      issuer,
      audience,
      revocations,
      cacheSize,
      jwksCoolDownSeconds: 1,
      fetch: (url) => anywhere(String(url)),
    }),
  )
  const strict = [0, 1].map(() =>
    strictVerifier({ issuer, audience, fetch: anywhere, onSet: (kids) => countDuplicates(report, kids) }),
  )
  const verifiers = [...kit.map((each) => async (text: string) => void (await each.verify(text))), ...strict]
  await revocations.ready()

  const issued: Issued[] = []
  const signedBy = new Set<string>()
  const verify = async (token: Issued) => {
    for (const check of verifiers) {
      report.verifications++
      await check(token.text).catch((error: unknown) => {
        // On a stalled machine a token can expire before it is checked.
        if (Date.now() < token.expiresAt)
          report.refused.push(`${token.kid} after ${Date.now() - token.until} ms: ${wordsOf(error)}`)
      })
    }
  }
  const round = async () => {
    const url = pick(urls)
    const from = Date.now()
    const answer = await fetch(`${url}/token`, { method: 'POST', headers: { 'x-api-key': apiKey } })
    const body: { access_token?: string } = await answer.json()
    if (!body.access_token) return void report.unissued.push(`${answer.status} ${JSON.stringify(body)}`)
    const kid = decodeProtectedHeader(body.access_token).kid ?? ''
    // `iat` is in whole seconds, so a token issued late in a second lives a little less than its lifetime.
    const token = {
      text: body.access_token,
      kid,
      from,
      until: Date.now(),
      expiresAt: Math.floor(from / 1000) * 1000 + tokenTtlSeconds * 1000,
    }
    report.tokens++
    signedBy.add(url)
    issued.push(token)
    await verify(token)
    const older = issued.find(({ expiresAt }) => expiresAt > Date.now() + 200)
    if (older && older !== token) await verify(older)
    const dead = issued.findIndex(({ expiresAt }) => expiresAt > Date.now())
    checked.push(...issued.splice(0, dead === -1 ? issued.length : dead))
  }
  const checked: Issued[] = []
  let watched = started
  // The keys also rotate while the processes start. Only later rotations count.
  const before = await readPeriods(sql, started)
  for (;;) {
    await round().catch((error: unknown) => void report.unissued.push(wordsOf(error)))
    await new Promise((resolve) => setTimeout(resolve, plan.pauseMilliseconds))
    report.seconds = (Date.now() - started) / 1000
    const isOver = report.seconds * 1000 > plan.ceilingMilliseconds
    if (!isOver && Date.now() - watched < 1000) continue
    watched = Date.now()
    const periods = await readPeriods(sql, watched)
    report.rotations = {
      token: periods.token.length - before.token.length,
      record: periods.record.length - before.record.length,
    }
    report.kids = new Set([...checked, ...issued].map(({ kid }) => kid)).size
    report.instancesThatSigned = signedBy.size
    plan.onProgress?.(report)
    const isDone =
      Math.min(report.rotations.token, report.rotations.record) >= plan.rotations &&
      report.verifications >= plan.verifications
    if (!isDone && !isOver) continue
    for (const token of [...checked, ...issued]) {
      if (!wasActive(periods.token, token))
        report.signedByAnother.push(`${token.kid} from ${token.from} to ${token.until}`)
    }
    for (const each of kit) await each.close()
    return report
  }
}

/** The strictest verifier: its copy of the key set is as old as `max-age` allows, and it refuses unknown kids. */
function strictVerifier(options: {
  issuer: string
  audience: string
  fetch: (url: string) => Promise<Response>
  onSet: (kids: string[]) => void
}) {
  let copy: { keys: ReturnType<typeof createLocalJWKSet>; until: number } | undefined
  return async (text: string) => {
    if (!copy || Date.now() >= copy.until) {
      const asked = Date.now()
      const answer = await options.fetch(`${options.issuer}/.well-known/jwks.json`)
      const set: JSONWebKeySet = await answer.json()
      options.onSet(set.keys.map(({ kid }) => kid ?? ''))
      const maxAge = Number(/max-age=(\d+)/.exec(answer.headers.get('cache-control') ?? '')?.[1])
      copy = { keys: createLocalJWKSet(set), until: asked + maxAge * 1000 }
    }
    await jwtVerify(text, copy.keys, {
      issuer: options.issuer,
      audience: options.audience,
      typ: 'at+jwt',
      clockTolerance: 5,
    })
  }
}

async function startInstances({ databaseUrl, instances, rotateEverySeconds }: RotationPlan): Promise<Instances> {
  const issuer = 'http://localhost:8787'
  const rootKey = generateApiKey('live')
  const environment = {
    PATH: process.env.PATH ?? '',
    NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE ?? '',
    ...deploymentEnvironment({ databaseUrl, issuer, rootKey }),
    MINTAGE_JWKS_MAX_AGE: '1',
    MINTAGE_CLOCK_TOLERANCE: '0',
    MINTAGE_TOKEN_TTL: String(tokenTtlSeconds),
    MINTAGE_MAX_TOKEN_TTL: String(tokenTtlSeconds),
    ROTATE_EVERY: String(rotateEverySeconds),
    // The lead is as long as the interval: the time of verifiers and caches, plus the database's time to commit.
    VERIFIER_REFRESH: String(rotateEverySeconds - 2),
    PORT: '0',
  }
  const path = fileURLToPath(new URL('rotating-instance.ts', import.meta.url))
  const start = () => fork(path, { env: environment, execArgv: [], stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
  // The first instance creates the ring, and the others join, as in a real deployment.
  const first = start()
  const children = [first]
  const ports = [await portOf(first)]
  while (children.length < instances) children.push(start())
  ports.push(...(await Promise.all(children.slice(1).map(portOf))))
  return { urls: ports.map((port) => `http://127.0.0.1:${port}`), children, issuer, rootKey }
}

async function createApiKey({ urls, rootKey }: Instances): Promise<string> {
  const headers = { authorization: `Bearer ${rootKey}`, 'content-type': 'application/json' }
  const body = JSON.stringify({ name: 'rotation', environment: 'live', scopes: [] })
  const answer = await fetch(`${pick(urls)}/v1/api-keys`, { method: 'POST', headers, body })
  const { secret } = await answer.json()
  if (typeof secret !== 'string') throw new Error(`no API key was made: ${answer.status}`)
  return secret
}

/** Which key was active when, read from the rows. */
async function readPeriods(sql: postgres.Sql, now: number): Promise<Record<'token' | 'record', ActivePeriod[]>> {
  const rows = await sql<{ purpose: string; sequence: number; kid: string; at: number }[]>`
    select purpose, sequence, kid, (extract(epoch from activates_at) * 1000)::float8 as at from signing_key_activations`
  const of = (purpose: string) =>
    activePeriods(
      rows
        .filter((row) => row.purpose === purpose)
        .map(({ sequence, kid, at }) => ({ sequence, kid, activatesAt: new Date(at) })),
    )
  const begun = (periods: ActivePeriod[]) => periods.filter(({ from }) => from <= now)
  return { token: begun(of('token')), record: begun(of('record')) }
}

function wasActive(periods: readonly ActivePeriod[], { kid, from, until }: Issued): boolean {
  return periods.some((period) => period.kid === kid && period.from <= until && from < period.until)
}

function countDuplicates(report: RotationReport, kids: string[]): void {
  report.duplicateKids += kids.length - new Set(kids).size
}

function portOf(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('message', (message) => resolve(Number(Object(message).port)))
    child.once('exit', (code) => reject(new Error(`an instance ended with ${code} instead of starting`)))
  })
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGTERM')
  await ended
}

function pick<Value>(values: readonly Value[]): Value {
  const value = values[Math.floor(Math.random() * values.length)]
  if (value === undefined) throw new Error('the list is empty')
  return value
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error)
}
