import type { CallerView } from '../../api-keys/caller.ts'
import type { Cli } from '../runtime/command.ts'
import { findUrl } from '../runtime/credentials.ts'
import { CliError } from '../runtime/failure.ts'
import { shortTime } from '../runtime/output.ts'
import type { Finding } from './finding.ts'

const deadlineMilliseconds = 5000
/** The default of MINTAGE_CLOCK_TOLERANCE; the header has whole seconds. */
const toleranceSeconds = 30

/**
 * Checks the service as applications see it: whether it answers and is ready, its clock, metadata and feed, and this
 * terminal's key.
 */
export async function examineService(cli: Cli): Promise<Finding[]> {
  const url = findUrl(cli)
  const alive = await fetchJson(`${url}/healthz`).catch(() => undefined)
  if (!alive?.ok) {
    return [
      {
        name: 'service',
        state: 'failed',
        detail: `no answer from ${url}`,
        hint: 'start it with `mintage serve`, or set MINTAGE_URL to its address',
      },
    ]
  }
  const service: Finding = { name: 'service', state: 'ok', detail: url }
  const rest = await Promise.all([examineReadiness(url), examineMetadata(url), examineKey(cli)])
  return [service, compareClocks(alive.date), ...rest.flat()]
}

function compareClocks(date: string | null): Finding {
  const name = 'clock of service'
  const skewSeconds = date === null ? Number.NaN : Math.round((Date.parse(date) - Date.now()) / 1000)
  if (Number.isNaN(skewSeconds)) return { name, state: 'skipped', detail: 'its answers carry no date' }
  const detail = `${Math.abs(skewSeconds)} s apart from this machine's`
  if (Math.abs(skewSeconds) <= toleranceSeconds) return { name, state: 'ok', detail }
  return { name, state: 'failed', detail, hint: 'synchronize both clocks with NTP' }
}

const readinessHints: Readonly<Record<string, string>> = {
  database: 'check DATABASE_URL of the service, and that the server is up',
  migrations: 'run as the owner: mintage migrate',
  keyRing: 'mintage kek status; then read docs/runbooks/lost-kek.md',
  revocationList: 'it is read from the database: check the log of the service',
  process: 'if it has stopped, start it again: mintage serve',
}

/** What the service reports about itself, dependency by dependency. */
async function examineReadiness(url: string): Promise<Finding[]> {
  const { body } = await fetchJson(`${url}/readyz`).catch(() => ({ body: undefined }))
  const checks = Object.entries(Object(Object(body).checks))
  if (checks.length === 0)
    return [
      {
        name: 'readiness',
        state: 'failed',
        detail: `${url}/readyz does not report it`,
        hint: 'check that MINTAGE_URL is a Mintage service',
      },
    ]
  return checks.map(([name, check]) => {
    const { state, reason } = Object(check)
    const words = name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)
    if (state === 'ok') return { name: `its ${words}`, state }
    return {
      name: `its ${words}`,
      state: 'failed',
      detail: String(reason ?? 'not ok'),
      hint: readinessHints[name] ?? 'check the log of the service',
    }
  })
}

/** Verifiers start at the issuer's address: check that one, not the address that this terminal uses. */
async function examineMetadata(url: string): Promise<Finding[]> {
  const { body } = await fetchJson(`${url}/.well-known/oauth-authorization-server`).catch(() => ({ body: undefined }))
  const { issuer } = Object(body)
  if (typeof issuer !== 'string') {
    return [
      {
        name: 'metadata',
        state: 'failed',
        detail: `${url} serves no metadata`,
        hint: 'check that MINTAGE_URL is a Mintage service',
      },
    ]
  }
  const [{ fetchIssuerMetadata }, { feedRevocationList }, { runtimeFetch }] = await Promise.all([
    import('../../kit/issuer-metadata.ts'),
    import('../../kit/revocation/feed.ts'),
    import('../../kit/document.ts'),
  ])
  try {
    await fetchIssuerMetadata({ issuer, fetch: runtimeFetch, timeoutMilliseconds: deadlineMilliseconds })
  } catch {
    const hint = 'verifiers start there: check MINTAGE_ISSUER of the service, DNS and TLS'
    return [{ name: 'metadata', state: 'failed', detail: `could not be fetched from the issuer ${issuer}`, hint }]
  }
  const list = feedRevocationList({ issuer })
  try {
    await list.ready(deadlineMilliseconds)
    const { usable, reason } = list.state()
    if (!usable) throw new Error(reason)
    return [
      { name: 'metadata', state: 'ok', detail: issuer },
      { name: 'revocation feed', state: 'ok', detail: 'signed and fresh' },
    ]
  } catch (error) {
    const detail = error instanceof Error ? error.message : 'it cannot be read'
    const hint = 'verifiers answer 503 while they have no fresh list: check the log of the service'
    return [
      { name: 'metadata', state: 'ok', detail: issuer },
      { name: 'revocation feed', state: 'failed', detail, hint },
    ]
  } finally {
    await list.close()
  }
}

async function examineKey(cli: Cli): Promise<Finding[]> {
  const name = 'API key'
  try {
    const { id, roles, worksUntil } = await cli.api().get<CallerView>('/v1/me', 'show the API key')
    const until = worksUntil === null ? 'no end planned' : `works until ${shortTime(worksUntil)}`
    return [{ name, state: 'ok', detail: `${[id, ...roles].join(' ')}, ${until}` }]
  } catch (error) {
    if (!(error instanceof CliError)) throw error
    const hint = error.hint === undefined ? {} : { hint: error.hint }
    return [{ name, state: error.code === 'no_credentials' ? 'skipped' : 'failed', detail: error.message, ...hint }]
  }
}

async function fetchJson(address: string): Promise<{ ok: boolean; date: string | null; body: unknown }> {
  const response = await fetch(address, { redirect: 'error', signal: AbortSignal.timeout(deadlineMilliseconds) })
  const body: unknown = await response.json().catch(() => undefined)
  return { ok: response.ok, date: response.headers.get('date'), body }
}
