import { z } from 'zod'
import { idPrefixes } from '../crypto/random.ts'
import { allowsStandby, postgresHosts } from '../kit/postgres-hosts.ts'
import { describeIssue, firstIssues } from './describe-issue.ts'
import { formatMilliseconds, parseDuration, parseMilliseconds } from './duration.ts'

const primaryWanted = 'must not allow a standby: leave target_session_attrs out, or set it to read-write'
const needsPrimary = (text: string) => !allowsStandby(text)

const postgresUrl = z
  .string()
  .refine((text) => postgresHosts(text) !== undefined, 'must be a postgres:// URL')
  .refine(needsPrimary, primaryWanted)

const prefixWanted = `must be 2 to 16 lower-case letters or digits, and not a prefix of ids (${idPrefixes.join(', ')})`

/** A secret must not look like an id. */
const isApiKeyPrefix = (text: string) => /^[a-z0-9]{2,16}$/.test(text) && !idPrefixes.includes(text)

/** The form of each variable, and its default. settings.ts checks rules about several variables. */
const environment = z.object({
  PORT: wholeNumber(0, 65_535).default(8787),
  HOST: z.string().optional(),
  METRICS_PORT: wholeNumber(1, 65_535).optional(),
  DATABASE_URL: z
    .string()
    .refine(
      (text) => text === 'memory:' || /^file:./.test(text) || postgresHosts(text) !== undefined,
      'must be postgres://…, file:<folder> or memory:',
    )
    .refine(needsPrimary, primaryWanted)
    .optional(),
  DATABASE_MIGRATION_URL: postgresUrl.optional(),
  DATABASE_DIRECT_URL: postgresUrl.optional(),
  DATABASE_POOLER: z.literal('transaction').optional(),
  MINTAGE_DATABASE_DEADLINE: millisecondsText(200, 60_000).optional(),
  MINTAGE_ADMIN_DEADLINE: millisecondsText(200, 600_000).optional(),
  LOG_LEVEL: z.enum(['debug', 'info', 'warn', 'error']).default('info'),
  MINTAGE_DRAIN_TIME: durationText(0, 600).optional(),
  MINTAGE_DATA_DIR: z.string().default('.mintage'),
  MINTAGE_ISSUER: z.string().optional(),
  MINTAGE_ALLOW_HTTP: z.enum(['true', 'false']).default('false'),
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
    .refine(
      (prefixes) => prefixes.length <= 16 && prefixes.every(isApiKeyPrefix),
      `must be at most 16 prefixes, and each ${prefixWanted}`,
    )
    .default([]),
})

/** The parsed variables. Defaults replace missing ones. */
export type Environment = z.output<typeof environment>

/**
 * Parses each variable separately, so one invalid variable does not hide the faults of others. Its default replaces it.
 */
export function readVariables(given: Readonly<Record<string, unknown>>): { values: Environment; faults: string[] } {
  const parsed = environment.safeParse(given)
  if (parsed.success) return { values: parsed.data, faults: [] }
  const unreadable = new Set(parsed.error.issues.map(({ path }) => path[0]))
  const readable = Object.fromEntries(Object.entries(given).filter(([name]) => !unreadable.has(name)))
  return {
    values: environment.parse(readable),
    faults: firstIssues(parsed.error.issues).map((issue) => `${issue.path.join('.')} ${describeIssue(issue, given)}`),
  }
}

/** Variables of other programs: the CLI and the examples. */
const foreignNames = new Set(['MINTAGE_URL', 'MINTAGE_API_KEY', 'MINTAGE_LEAKED_KEY', 'MINTAGE_REVOCATIONS_URL'])

export function unknownNames(given: Readonly<Record<string, unknown>>): string[] {
  return Object.keys(given)
    .filter((name) => name.startsWith('MINTAGE_') && !(name in environment.shape) && !foreignNames.has(name))
    .map((name) => `${name} is not a variable of Mintage`)
}

/** `900`, `15m`, `30d`: read by `parseDuration`, within bounds. */
function duration(defaultSeconds: number, minimum: number, maximum: number) {
  return durationText(minimum, maximum).default(defaultSeconds)
}

function durationText(minimum: number, maximum: number) {
  const wanted = `must be whole seconds, or a number with s, m, h or d, from ${minimum} to ${maximum} seconds`
  return z
    .string()
    .transform((text) => parseDuration(text) ?? Number.NaN)
    .refine((seconds) => seconds >= minimum && seconds <= maximum, wanted)
}

/** In milliseconds. */
function millisecondsText(minimum: number, maximum: number) {
  const bounds = `from ${formatMilliseconds(minimum)} to ${formatMilliseconds(maximum)}`
  const wanted = `must be whole seconds, or a number with ms, s or m, ${bounds}`
  return z
    .string()
    .transform((text) => parseMilliseconds(text) ?? Number.NaN)
    .refine((milliseconds) => milliseconds >= minimum && milliseconds <= maximum, wanted)
}

function wholeNumber(minimum: number, maximum: number) {
  const wanted = `must be a whole number from ${minimum} to ${maximum}`
  return z
    .string()
    .regex(/^\d{1,9}$/, wanted)
    .transform(Number)
    .refine((number) => number >= minimum && number <= maximum, wanted)
}
