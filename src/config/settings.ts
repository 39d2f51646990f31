import type { KekRuntime } from '../crypto/kek/written-form.ts'
import { formatMilliseconds } from './duration.ts'
import { type Environment, readVariables, unknownNames } from './environment.ts'
import { type KekSettings, kekFaults, kekSettings } from './kek.ts'

/** The service's configuration, complete and checked. Names and defaults: docs/configuration.md. */
export type Config = KekSettings & {
  readonly issuer: string
  /** The default audience of access tokens; never the issuer. */
  readonly audience: string
  readonly tokenTtlSeconds: number
  readonly maxTokenTtlSeconds: number
  readonly jwksMaxAgeSeconds: number
  /** The longest time that verifiers keep a JWK Set, whatever its `max-age` says. */
  readonly verifierRefreshSeconds: number
  readonly clockToleranceSeconds: number
  readonly rotateEverySeconds: number
  readonly trustedProxyHops: number
  /** How long one request to the admin API may wait for the database altogether. */
  readonly adminDeadlineMilliseconds: number
  readonly rootApiKey: string | null
  /** Prefixes of API key secrets. New keys get the first one; the others are still accepted. */
  readonly apiKeyPrefixes: readonly [string, ...string[]]
}

export type DatabaseSettings = {
  /** For each statement and each whole transaction, including the wait for a connection. */
  readonly deadlineMilliseconds: number
} & (
  | { readonly kind: 'embedded'; readonly folder: string | null }
  | {
      readonly kind: 'postgres'
      readonly url: string
      /** URL of the database's owner. If set, the service migrates at start. */
      readonly migrationUrl: string | null
      /** Bypasses the pooler; for LISTEN. */
      readonly directUrl: string | null
      readonly pooler: 'none' | 'transaction'
    }
)

/** The configuration, plus where the process listens and where its data is. */
export type Settings = {
  readonly config: Config
  readonly port: number
  readonly host: string
  readonly metricsPort: number | null
  /** How long the service accepts connections after SIGTERM, while `/readyz` answers 503. */
  readonly drainSeconds: number
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error'
  readonly dataDir: string
  readonly database: DatabaseSettings
}

/** Lists all faults of the environment. Each one names its variable, and none repeats a value that may be secret. */
export class ConfigError extends Error {
  readonly faults: readonly string[]
  constructor(faults: readonly string[]) {
    super(
      `the configuration has ${faults.length === 1 ? 'a fault' : `${faults.length} faults`}:\n${faults.map((fault) => `  ${fault}`).join('\n')}`,
    )
    this.name = 'ConfigError'
    this.faults = faults
  }
}

/**
 * Reads the service's environment. An empty value counts as unset. Does not check that files, folders, databases or
 * tokens exist.
 * @throws ConfigError with all faults.
 *
 * @example
 * ```ts
 * import { ConfigError, loadConfig } from 'mintage'
 *
 * try {
 *   const { config } = loadConfig({ MINTAGE_ISSUER: 'https://auth.example', ...process.env })
 *   console.log(config.issuer)
 * } catch (error) {
 *   if (error instanceof ConfigError) console.error(error.faults)
 * }
 * ```
 */
export function loadConfig(env: Readonly<Record<string, string | undefined>>, runtime: KekRuntime = 'node'): Settings {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ''))
  const { values, faults: readingFaults } = readVariables(given)
  const faults: string[] = []
  const database = databaseSettings(values, faults)
  const issuer = values.MINTAGE_ISSUER ?? (database.kind === 'embedded' ? `http://localhost:${values.PORT}` : '')
  const audience = values.MINTAGE_AUDIENCE ?? `${issuer}/api`
  faults.push(
    ...issuerFaults(issuer, values),
    ...consistencyFaults(values, issuer, audience),
    ...deadlineFaults(values, database),
    ...kekFaults(values, runtime),
  )
  if (database.kind === 'postgres' && !values.MINTAGE_KEK) {
    faults.push(
      'MINTAGE_KEK is missing: with PostgreSQL, set the key that seals the private keys, e.g. raw:<base64 of 32 bytes>',
    )
  }
  if (database.kind === 'embedded' && database.folder === null && !values.MINTAGE_ROOT_API_KEY) {
    faults.push(
      'MINTAGE_ROOT_API_KEY is missing: set it, because DATABASE_URL=memory: writes nothing to disk; `mintage api-keys generate` makes a key',
    )
  }
  // An unreadable variable is reported once, not again for its consequences.
  const unread = readingFaults.map(variableOf)
  const all = [
    ...unknownNames(given),
    ...readingFaults,
    ...faults.filter((fault) => !unread.includes(variableOf(fault))),
  ]
  if (all.length > 0) throw new ConfigError(all)
  return {
    config: {
      issuer,
      audience,
      tokenTtlSeconds: values.MINTAGE_TOKEN_TTL,
      maxTokenTtlSeconds: values.MINTAGE_MAX_TOKEN_TTL,
      jwksMaxAgeSeconds: values.MINTAGE_JWKS_MAX_AGE,
      verifierRefreshSeconds: values.MINTAGE_VERIFIER_REFRESH,
      clockToleranceSeconds: values.MINTAGE_CLOCK_TOLERANCE,
      rotateEverySeconds: values.MINTAGE_ROTATE_EVERY,
      trustedProxyHops: values.MINTAGE_TRUSTED_PROXY_HOPS,
      adminDeadlineMilliseconds: adminDeadline(values, database),
      ...kekSettings(values),
      rootApiKey: values.MINTAGE_ROOT_API_KEY ?? null,
      apiKeyPrefixes: [values.MINTAGE_API_KEY_PREFIX, ...values.MINTAGE_API_KEY_PREFIX_PREVIOUS],
    },
    port: values.PORT,
    host: values.HOST ?? (database.kind === 'embedded' ? '127.0.0.1' : '0.0.0.0'),
    metricsPort: values.METRICS_PORT ?? null,
    // Nothing balances requests between several instances of an embedded database.
    drainSeconds: values.MINTAGE_DRAIN_TIME ?? (database.kind === 'embedded' ? 0 : 5),
    logLevel: values.LOG_LEVEL,
    dataDir: values.MINTAGE_DATA_DIR,
    database,
  }
}

/** Each fault begins with the name of its variable. */
function variableOf(fault: string): string {
  return fault.slice(0, fault.search(/[^A-Z0-9_]|$/))
}

function databaseSettings(values: Environment, faults: string[]): DatabaseSettings {
  const url = values.DATABASE_URL ?? `file:${values.MINTAGE_DATA_DIR}/data`
  // The embedded database runs in our process: a long wait means that we are busy, not that it is gone.
  const isEmbedded = url === 'memory:' || url.startsWith('file:')
  const deadlineMilliseconds = values.MINTAGE_DATABASE_DEADLINE ?? (isEmbedded ? 5000 : 1500)
  if (url === 'memory:') return { kind: 'embedded', folder: null, deadlineMilliseconds }
  if (url.startsWith('file:')) {
    for (const name of ['DATABASE_MIGRATION_URL', 'DATABASE_DIRECT_URL', 'DATABASE_POOLER'] as const) {
      if (values[name]) faults.push(`${name} applies only if DATABASE_URL is postgres://…`)
    }
    return { kind: 'embedded', folder: url.slice('file:'.length), deadlineMilliseconds }
  }
  return {
    kind: 'postgres',
    url,
    migrationUrl: values.DATABASE_MIGRATION_URL ?? null,
    directUrl: values.DATABASE_DIRECT_URL ?? null,
    pooler: values.DATABASE_POOLER ?? 'none',
    deadlineMilliseconds,
  }
}

/** A third more than one call to the database may take. */
function adminDeadline(values: Environment, { deadlineMilliseconds }: DatabaseSettings): number {
  return values.MINTAGE_ADMIN_DEADLINE ?? Math.ceil((4 * deadlineMilliseconds) / 3)
}

/**
 * RFC 8414 §2: an https URL without query and fragment. Plain http only for the embedded default, or with
 * MINTAGE_ALLOW_HTTP.
 */
function issuerFaults(issuer: string, values: Environment): string[] {
  if (issuer === '') return ['MINTAGE_ISSUER is missing: with PostgreSQL, set the public https URL of the service']
  if (!URL.canParse(issuer)) return ['MINTAGE_ISSUER must be an absolute URL']
  const url = new URL(issuer)
  const faults: string[] = []
  if (url.protocol !== 'https:' && url.protocol !== 'http:') faults.push('MINTAGE_ISSUER must be an https URL')
  if (url.protocol === 'http:' && values.MINTAGE_ISSUER && values.MINTAGE_ALLOW_HTTP !== 'true') {
    faults.push('MINTAGE_ISSUER must be https; MINTAGE_ALLOW_HTTP=true allows http for development')
  }
  if (url.search !== '' || url.hash !== '' || url.username !== '' || issuer.includes('?') || issuer.includes('#')) {
    faults.push('MINTAGE_ISSUER must have no user, query or fragment')
  }
  if (issuer.endsWith('/')) faults.push('MINTAGE_ISSUER must not end with a slash')
  return faults
}

function deadlineFaults(values: Environment, database: DatabaseSettings): string[] {
  const { deadlineMilliseconds } = database
  if (adminDeadline(values, database) >= deadlineMilliseconds) return []
  const least = formatMilliseconds(deadlineMilliseconds)
  return [`MINTAGE_ADMIN_DEADLINE must be at least MINTAGE_DATABASE_DEADLINE, which is ${least}`]
}

function consistencyFaults(values: Environment, issuer: string, audience: string): string[] {
  const faults: string[] = []
  if (audience === issuer)
    faults.push('MINTAGE_AUDIENCE must not be the issuer: tokens for the issuer open the admin API')
  if (values.MINTAGE_TOKEN_TTL > values.MINTAGE_MAX_TOKEN_TTL)
    faults.push('MINTAGE_TOKEN_TTL must not be more than MINTAGE_MAX_TOKEN_TTL')
  if (values.METRICS_PORT !== undefined && values.METRICS_PORT === values.PORT)
    faults.push('METRICS_PORT must differ from PORT; unset it to serve both on PORT')
  return faults
}
