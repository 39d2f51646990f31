import { migrationState } from './db/migration-state.ts'
import { readDatabaseClock } from './db/service-state.ts'
import type { Services } from './services.ts'

export type Check = { readonly state: 'ok' | 'failed'; readonly reason?: string }

export type Readiness = {
  readonly status: 'ready' | 'not_ready'
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
  return { status: Object.values(checks).every(({ state }) => state === 'ok') ? 'ready' : 'not_ready', checks }
}

const ok: Check = { state: 'ok' }
const failed = (reason: string): Check => ({ state: 'failed', reason })

function checkProcess({ stopping }: Services): Check {
  return stopping() ? failed('this instance is stopping') : ok
}

/**
 * The service stamps rows with its clock, and limits use the database's clock. They may differ by the clock tolerance.
 */
async function checkDatabase({ db, now, config }: Services): Promise<Check> {
  try {
    const before = now().getTime()
    const database = (await readDatabaseClock(db)).getTime()
    const tolerance = config.clockToleranceSeconds * 1000
    const skew = database < before ? database - before : Math.max(0, database - now().getTime())
    if (Math.abs(skew) > tolerance)
      return failed(`its clock differs from this instance's by ${Math.round(skew / 1000)} s`)
    return ok
  } catch {
    return failed('it does not answer')
  }
}

async function checkMigrations({ db }: Services): Promise<Check> {
  try {
    const state = await migrationState(db)
    return state === 'current' ? ok : failed(`the schema is ${state}`)
  } catch {
    return failed('the database does not answer')
  }
}

async function checkKeyRing({ keyring }: Services): Promise<Check> {
  try {
    await keyring.signer('token')
    await keyring.signer('record')
  } catch {
    return failed(keyring.state().reason ?? 'no signing key can be used')
  }
  const { usable, reason } = keyring.state()
  return usable ? ok : failed(reason ?? 'no signing key can be used')
}

async function checkRevocations({ revocations }: Services): Promise<Check> {
  await revocations.ready(0).catch(() => {})
  const { usable, reason } = revocations.state()
  return usable ? ok : failed(reason ?? 'not loaded yet')
}
