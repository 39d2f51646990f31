import { z } from 'zod'
import type { AwsAccess, KekAccess } from './crypto/kek/aws-kms.ts'
import { type KekRuntime, kekFault, kekProviderOf } from './crypto/kek/written-form.ts'
import { idPrefixes } from './crypto/random.ts'

/** The service's configuration, complete and checked. Names and defaults: docs/configuration.md. */
export type Config = {
  readonly issuer: string
  /** The default audience of access tokens; never the issuer. */
  readonly audience: string
  readonly tokenTtlSeconds: number
  readonly maxTokenTtlSeconds: number
  readonly jwksMaxAgeSeconds: number
  /** The longest that verifiers keep a JWK Set by themselves, whatever its `max-age` says. */
  readonly verifierRefreshSeconds: number
  readonly clockToleranceSeconds: number
  readonly rotateEverySeconds: number
  readonly trustedProxyHops: number
  /** The first seals and opens, the others only open. As written in MINTAGE_KEK / MINTAGE_KEK_PREVIOUS; null = none configured. */
  readonly kek: string | null
  readonly previousKeks: readonly string[]
  /** What KEKs outside the process are reached with. */
  readonly kekAccess: KekAccess
  readonly rootApiKey: string | null
  /** What the secrets of API keys begin with: the first is given to new ones, the others are still accepted. */
  readonly apiKeyPrefixes: readonly [string, ...string[]]
}

export type DatabaseSettings =
  | { readonly kind: 'embedded'; readonly folder: string | null }
  | {
      readonly kind: 'postgres'
      readonly url: string
      /** The owner's URL: set = the service migrates at start. */
      readonly migrationUrl: string | null
      /** Past the pooler, for LISTEN. */
      readonly directUrl: string | null
      readonly pooler: 'none' | 'transaction'
    }

/** What a process needs beside the service's configuration: where to listen and where the data lies. */
export type Settings = {
  readonly config: Config
  readonly port: number
  readonly host: string
  readonly metricsPort: number | null
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error'
  readonly dataDir: string
  readonly database: DatabaseSettings
}

/** Every fault of the environment at once, each naming its variable and none repeating a value that may be secret. */
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
 * Reads the service's environment: the only place that knows these names. An empty value counts as unset.
 * Throws `ConfigError`. Does not check that files, folders, databases or tokens exist.
 */
export function loadConfig(env: Readonly<Record<string, string | undefined>>, runtime: KekRuntime = 'node'): Settings {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ''))
  const { values, faults: readingFaults } = readVariables(given)
  const faults: string[] = []
  const database = databaseSettings(values, faults)
  const issuer = values.MINTAGE_ISSUER ?? (database.kind === 'embedded' ? `http://localhost:${values.PORT}` : '')
  const audience = values.MINTAGE_AUDIENCE ?? `${issuer}/api`
  faults.push(...issuerFaults(issuer, values), ...consistencyFaults(values, issuer, audience), ...kekFaults(values, runtime))
  if (database.kind === 'postgres' && !values.MINTAGE_KEK) {
    faults.push('MINTAGE_KEK is missing: with PostgreSQL the key that seals the private keys must be given, e.g. raw:<base64 of 32 bytes>')
  }
  if (database.kind === 'embedded' && database.folder === null && !values.MINTAGE_ROOT_API_KEY) {
    faults.push('MINTAGE_ROOT_API_KEY is missing: with memory: nothing is written to a disk, so the root key must be given')
  }
  // What follows from a value that could not be read is no fault of its own.
  const unread = readingFaults.map(variableOf)
  const all = [...unknownNames(given), ...readingFaults, ...faults.filter((fault) => !unread.includes(variableOf(fault)))]
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
      kek: values.MINTAGE_KEK ?? null,
      previousKeks: values.MINTAGE_KEK_PREVIOUS,
      kekAccess: { aws: awsAccess(values), pkcs11Pin: values.MINTAGE_PKCS11_PIN ?? null },
      rootApiKey: values.MINTAGE_ROOT_API_KEY ?? null,
      apiKeyPrefixes: [values.MINTAGE_API_KEY_PREFIX, ...values.MINTAGE_API_KEY_PREFIX_PREVIOUS],
    },
    port: values.PORT,
    host: values.HOST ?? (database.kind === 'embedded' ? '127.0.0.1' : '0.0.0.0'),
    metricsPort: values.METRICS_PORT ?? null,
    logLevel: values.LOG_LEVEL,
    dataDir: values.MINTAGE_DATA_DIR,
    database,
  }
}

/** Every variable by itself, so that one that cannot be read hides no fault of another; its place is taken by the default. */
function readVariables(given: Readonly<Record<string, unknown>>): { values: Environment; faults: string[] } {
  const parsed = environment.safeParse(given)
  if (parsed.success) return { values: parsed.data, faults: [] }
  const unreadable = new Set(parsed.error.issues.map(({ path }) => path[0]))
  const readable = Object.fromEntries(Object.entries(given).filter(([name]) => !unreadable.has(name)))
  return { values: environment.parse(readable), faults: parsed.error.issues.map(({ path, message }) => `${path.join('.')} ${message}`) }
}

/** Each fault begins with the name of its variable. */
function variableOf(fault: string): string {
  return fault.slice(0, fault.search(/[^A-Z0-9_]|$/))
}

/** A number with an optional unit: `900`, `15m`, `30d`; seconds without one. */
function duration(defaultSeconds: number, minimum: number, maximum: number) {
  const units: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86_400 }
  const wanted = `must be whole seconds, or a number with s, m, h or d, from ${minimum} to ${maximum} seconds`
  return z
    .string()
    .regex(/^\d{1,9}[smhd]?$/, wanted)
    .transform((text) => Number.parseInt(text, 10) * (units[text.at(-1) ?? ''] ?? 1))
    .refine((seconds) => seconds >= minimum && seconds <= maximum, wanted)
    .default(defaultSeconds)
}

function wholeNumber(minimum: number, maximum: number) {
  const wanted = `must be a whole number from ${minimum} to ${maximum}`
  return z
    .string()
    .regex(/^\d{1,9}$/, wanted)
    .transform(Number)
    .refine((number) => number >= minimum && number <= maximum, wanted)
}

const postgresUrl = z.string().refine((text) => /^postgres(ql)?:\/\//.test(text) && URL.canParse(text), 'must be a postgres:// URL')

const prefixWanted = `must be 2 to 16 lower-case letters or digits, and none of those that ids begin with (${idPrefixes.join(', ')})`

/** An id and a secret must never be taken for one another. */
const isApiKeyPrefix = (text: string) => /^[a-z0-9]{2,16}$/.test(text) && !idPrefixes.includes(text)

const environment = z.object({
  PORT: wholeNumber(0, 65_535).default(8787),
  HOST: z.string().optional(),
  METRICS_PORT: wholeNumber(1, 65_535).optional(),
  DATABASE_URL: z
    .string()
    .refine(
      (text) => text === 'memory:' || /^file:./.test(text) || (/^postgres(ql)?:\/\//.test(text) && URL.canParse(text)),
      'must be postgres://…, file:<folder> or memory:',
    )
    .optional(),
  DATABASE_MIGRATION_URL: postgresUrl.optional(),
  DATABASE_DIRECT_URL: postgresUrl.optional(),
  DATABASE_POOLER: z.literal('transaction', 'must be transaction, or unset').optional(),
  LOG_LEVEL: z.enum(['debug', 'info', 'warn', 'error'], 'must be debug, info, warn or error').default('info'),
  MINTAGE_DATA_DIR: z.string().default('.mintage'),
  MINTAGE_ISSUER: z.string().optional(),
  MINTAGE_ALLOW_HTTP: z.enum(['true', 'false'], 'must be true or false').default('false'),
  MINTAGE_AUDIENCE: z
    .string()
    .regex(/^[\x21-\x7e]{1,255}$/, 'must be 1 to 255 visible ASCII characters')
    .optional(),
  MINTAGE_TOKEN_TTL: duration(900, 1, 86_400),
  MINTAGE_MAX_TOKEN_TTL: duration(3600, 1, 86_400),
  MINTAGE_JWKS_MAX_AGE: duration(300, 1, 86_400),
  MINTAGE_VERIFIER_REFRESH: duration(600, 0, 86_400),
  MINTAGE_CLOCK_TOLERANCE: duration(30, 0, 300),
  MINTAGE_ROTATE_EVERY: duration(30 * 86_400, 1, 999_999_999),
  MINTAGE_TRUSTED_PROXY_HOPS: wholeNumber(0, 16).default(0),
  MINTAGE_KEK: z.string().optional(),
  MINTAGE_KEK_PREVIOUS: z
    .string()
    .transform((text) =>
      text
        .split('\n')
        .map((line) => line.trim())
        .filter((line) => line !== ''),
    )
    .default([]),
  MINTAGE_PKCS11_PIN: z.string().optional(),
  AWS_ACCESS_KEY_ID: z.string().optional(),
  AWS_SECRET_ACCESS_KEY: z.string().optional(),
  AWS_SESSION_TOKEN: z.string().optional(),
  AWS_ENDPOINT_URL_KMS: z.string().optional(),
  MINTAGE_ROOT_API_KEY: z.string().optional(),
  MINTAGE_API_KEY_PREFIX: z.string().refine(isApiKeyPrefix, prefixWanted).default('mk'),
  MINTAGE_API_KEY_PREFIX_PREVIOUS: z
    .string()
    .transform((text) => [...new Set(text.split(',').map((prefix) => prefix.trim()))].filter((prefix) => prefix !== ''))
    .refine((prefixes) => prefixes.length <= 16 && prefixes.every(isApiKeyPrefix), `each of the prefixes ${prefixWanted}; 16 at most`)
    .default([]),
})

type Environment = z.output<typeof environment>

/** Names that other readers own: the CLI and downstream applications. */
const foreignNames = new Set(['MINTAGE_URL', 'MINTAGE_API_KEY', 'MINTAGE_LEAKED_KEY', 'MINTAGE_REVOCATIONS_URL'])

function unknownNames(given: Readonly<Record<string, unknown>>): string[] {
  return Object.keys(given)
    .filter((name) => name.startsWith('MINTAGE_') && !(name in environment.shape) && !foreignNames.has(name))
    .map((name) => `${name} is not a name that Mintage knows`)
}

function databaseSettings(values: Environment, faults: string[]): DatabaseSettings {
  const url = values.DATABASE_URL ?? `file:${values.MINTAGE_DATA_DIR}/data`
  if (url === 'memory:') return { kind: 'embedded', folder: null }
  if (url.startsWith('file:')) {
    for (const name of ['DATABASE_MIGRATION_URL', 'DATABASE_DIRECT_URL', 'DATABASE_POOLER'] as const) {
      if (values[name]) faults.push(`${name} has a meaning only when DATABASE_URL is postgres://…`)
    }
    return { kind: 'embedded', folder: url.slice('file:'.length) }
  }
  return {
    kind: 'postgres',
    url,
    migrationUrl: values.DATABASE_MIGRATION_URL ?? null,
    directUrl: values.DATABASE_DIRECT_URL ?? null,
    pooler: values.DATABASE_POOLER ?? 'none',
  }
}

/** RFC 8414 §2: an https URL without query and fragment. Plain http only for the embedded default, or when asked for by name. */
function issuerFaults(issuer: string, values: Environment): string[] {
  if (issuer === '') return ['MINTAGE_ISSUER is missing: with PostgreSQL the public https URL of the service must be given']
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

function consistencyFaults(values: Environment, issuer: string, audience: string): string[] {
  const faults: string[] = []
  if (audience === issuer) faults.push('MINTAGE_AUDIENCE must not be the issuer: tokens for the issuer open the admin API')
  if (values.MINTAGE_TOKEN_TTL > values.MINTAGE_MAX_TOKEN_TTL) faults.push('MINTAGE_TOKEN_TTL must not be more than MINTAGE_MAX_TOKEN_TTL')
  if (values.METRICS_PORT !== undefined && values.METRICS_PORT === values.PORT)
    faults.push('METRICS_PORT must differ from PORT; unset it to serve both')
  return faults
}

/** The names of AWS's own tools count only when a KEK is in AWS KMS: elsewhere they may stand in an environment for other reasons. */
function kekFaults(values: Environment, runtime: KekRuntime): string[] {
  const faults: string[] = []
  const check = (name: string, written: string) => {
    const fault = kekFault(written, runtime)
    if (fault) faults.push(`${name} ${fault}`)
  }
  if (values.MINTAGE_KEK) check('MINTAGE_KEK', values.MINTAGE_KEK)
  values.MINTAGE_KEK_PREVIOUS.forEach((written, index) => void check(`MINTAGE_KEK_PREVIOUS (line ${index + 1})`, written))
  const inKms = [values.MINTAGE_KEK ?? '', ...values.MINTAGE_KEK_PREVIOUS].some((written) => kekProviderOf(written) === 'aws-kms')
  if (!inKms) return faults
  for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY'] as const) {
    if (!values[name]) faults.push(`${name} is missing: a KEK is in AWS KMS`)
  }
  if (values.AWS_ENDPOINT_URL_KMS && !isPrivateEndpoint(values.AWS_ENDPOINT_URL_KMS)) {
    faults.push('AWS_ENDPOINT_URL_KMS must be an https URL, or http to this machine: data keys travel there')
  }
  return faults
}

function isPrivateEndpoint(text: string): boolean {
  if (!URL.canParse(text)) return false
  const { protocol, hostname } = new URL(text)
  return protocol === 'https:' || (protocol === 'http:' && ['localhost', '127.0.0.1', '[::1]'].includes(hostname))
}

function awsAccess(values: Environment): AwsAccess | null {
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey } = values
  if (!accessKeyId || !secretAccessKey) return null
  return { accessKeyId, secretAccessKey, sessionToken: values.AWS_SESSION_TOKEN ?? null, endpoint: values.AWS_ENDPOINT_URL_KMS ?? null }
}
