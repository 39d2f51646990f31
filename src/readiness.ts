import type { Database, Db } from './db/database.ts'
import { databaseFailure } from './db/failure.ts'
import { migrationState } from './db/migration-state.ts'
import type { WriteRefusal } from './db/refused-writes.ts'
import { readServerState, unfitnessIn } from './db/service-state.ts'
import { ServiceError } from './errors.ts'
import { databaseWords, findServerError } from './observability/error-words.ts'
import type { Services } from './services.ts'

/** `degraded`: some requests fail, but another instance would fail them too, so this one stays in rotation. */
type Check = { readonly state: 'ok' | 'degraded' | 'failed'; readonly reason?: string }

type Readiness = {
  readonly status: 'ready' | 'degraded' | 'not_ready'
  readonly checks: Readonly<Record<'process' | 'database' | 'migrations' | 'keyRing' | 'revocationList', Check>>
}

/** Checks each dependency now. Reasons are written for the operator and contain no credential. */
export async function checkReadiness(services: Services): Promise<Readiness> {
  const [database, migrations, keyRing] = await Promise.all([
    checkDatabase(services),
    checkMigrations(services),
    checkKeyRing(services),
  ])
  const checks = {
    process: checkProcess(services),
    database,
    migrations,
    keyRing,
    revocationList: await checkRevocations(services),
  }
  return { status: statusOf(Object.values(checks)), checks }
}

function statusOf(checks: readonly Check[]): Readiness['status'] {
  if (checks.some(({ state }) => state === 'failed')) return 'not_ready'
  return checks.some(({ state }) => state === 'degraded') ? 'degraded' : 'ready'
}

const ok: Check = { state: 'ok' }
const noAnswer = 'the database does not answer'
const failed = (reason: string): Check => ({ state: 'failed', reason })

function checkProcess({ stopping }: Services): Check {
  return stopping() ? failed('this instance is stopping') : ok
}

/**
 * The service stamps rows with its clock, and limits use the database's clock. They may differ by the clock tolerance.
 */
async function checkDatabase({ database: { stats, fault }, db, reads, now, config }: Services): Promise<Check> {
  try {
    const damage = await fault?.()
    if (damage !== undefined) return failed(damage)
    const changes = db === reads ? ok : checkChanges(db, stats)
    const before = now().getTime()
    const { clock, unfitness } = await readServerState(reads)
    if (unfitness !== undefined) return failed(unfitness)
    const database = clock.getTime()
    const tolerance = config.clockToleranceSeconds * 1000
    const skew = database < before ? database - before : Math.max(0, database - now().getTime())
    if (Math.abs(skew) > tolerance)
      return failed(`its clock differs from this instance's by ${Math.round(skew / 1000)} s`)
    const check = await changes
    const refusal = stats().refusedLately
    if (check.state === 'failed' || refusal === undefined) return check
    return { state: 'degraded', reason: refusalReasons[refusal] }
  } catch (error) {
    return failed(causeIn(error) ?? 'it does not answer')
  }
}

/** The connections for changes. While all of them wait for locks, exchanges go on. */
async function checkChanges(db: Db, stats: Database['stats']): Promise<Check> {
  try {
    const { unfitness } = await readServerState(db)
    return unfitness === undefined ? ok : failed(unfitness)
  } catch (error) {
    const cause = causeIn(error)
    if (stats().broken || unfitnessIn(error) !== undefined) return failed(cause ?? 'it does not answer')
    return { state: 'degraded', reason: cause ?? 'changes get no answer in time' }
  }
}

/** Why the server cannot be used, or what it says, if it answers. */
function causeIn(error: unknown): string | undefined {
  const unfitness = unfitnessIn(error)
  return unfitness === undefined ? refusalOf(error) : unfitness
}

/** What the server says, if it answers with an error. */
function refusalOf(error: unknown): string | undefined {
  return findServerError(error) && `the database refuses: ${databaseWords(error)}`
}

const refusalReasons: Readonly<Record<WriteRefusal, string>> = {
  room: 'it refused a change in the last minute: its disk is full',
  lock: 'it refused a change in the last minute: a row or table was locked for too long',
}

const schemaWords = {
  empty: 'the database has no tables',
  behind: 'the schema is older than this version',
  ahead: 'the schema is newer than this version, which still works on it',
  too_new: 'the schema is newer than this version, which cannot use it: start the version that migrated it',
}

async function checkMigrations({ reads }: Services): Promise<Check> {
  try {
    const state = await migrationState(reads)
    return state === 'ahead'
      ? { state: 'ok', reason: schemaWords.ahead }
      : state === 'current'
        ? ok
        : failed(schemaWords[state])
  } catch (error) {
    return failed(causeIn(error) ?? noAnswer)
  }
}

async function checkKeyRing({ keyring }: Services): Promise<Check> {
  const failure = await keyring.activeAlgorithms('token').then(
    () => undefined,
    (error: unknown) => error,
  )
  // Without the database the ring in memory still signs. `database` says what fails.
  const { usable, reason = 'no signing key can be used' } = keyring.state()
  if (usable) return ok
  return failed(
    failure instanceof ServiceError && databaseFailure(failure.cause) ? (causeIn(failure.cause) ?? noAnswer) : reason,
  )
}

async function checkRevocations({ revocations }: Services): Promise<Check> {
  await revocations.ready(0).catch(() => {})
  const { usable, reason } = revocations.state()
  return usable ? ok : failed(reason ?? 'not loaded yet')
}
