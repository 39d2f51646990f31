import type { Command } from 'commander'
import { formatMilliseconds } from '../../config/duration.ts'
import type { DatabaseSettings, Settings } from '../../config/settings.ts'
import { kekProviderOf } from '../../crypto/kek/written-form.ts'
import { postgresHosts } from '../../kit/postgres-hosts.ts'
import { type Cli, print, verb } from '../runtime/command.ts'
import { table } from '../runtime/output.ts'
import { readSettings } from '../runtime/settings.ts'

type Row = { readonly name: string; readonly value: string; readonly from: 'environment' | 'default' }

/**
 * `mintage config`: what the service would start with here. Reports all faults at once, as the service does, with exit
 * code 2.
 */
export function addConfigCommand(program: Command, cli: Cli): void {
  verb(
    program,
    'config',
    'print the configuration the service would start with, without secrets',
    'mintage config',
  ).action(async (options: { json?: boolean }) => {
    const rows = configurationRows(await readSettings(cli), cli.env)
    const byName = Object.fromEntries(rows.map(({ name, value, from }) => [name, { value, from }]))
    print(cli, options, byName, () =>
      table(rows, [
        { title: 'name', value: ({ name }) => name },
        { title: 'value', value: ({ value }) => value },
        { title: 'from', value: ({ from }) => from },
      ]),
    )
  })
}

/** Every name in docs/configuration.md with its effective value. Values never hold a secret. */
function configurationRows(settings: Settings, env: Cli['env']): Row[] {
  const { config, database } = settings
  const values: Record<string, string | number | null> = {
    PORT: settings.port,
    HOST: settings.host,
    METRICS_PORT: settings.metricsPort,
    LOG_LEVEL: settings.logLevel,
    MINTAGE_DRAIN_TIME: settings.drainSeconds,
    ...databaseValues(database),
    MINTAGE_DATABASE_DEADLINE: formatMilliseconds(database.deadlineMilliseconds),
    MINTAGE_ADMIN_DEADLINE: formatMilliseconds(config.adminDeadlineMilliseconds),
    MINTAGE_DATA_DIR: settings.dataDir,
    MINTAGE_ISSUER: config.issuer,
    MINTAGE_ALLOW_HTTP: env.MINTAGE_ALLOW_HTTP || 'false',
    MINTAGE_AUDIENCE: config.audience,
    MINTAGE_TOKEN_TTL: config.tokenTtlSeconds,
    MINTAGE_MAX_TOKEN_TTL: config.maxTokenTtlSeconds,
    MINTAGE_JWKS_MAX_AGE: config.jwksMaxAgeSeconds,
    MINTAGE_VERIFIER_REFRESH: config.verifierRefreshSeconds,
    MINTAGE_CLOCK_TOLERANCE: config.clockToleranceSeconds,
    MINTAGE_ROTATE_EVERY: config.rotateEverySeconds,
    MINTAGE_TRUSTED_PROXY_HOPS: config.trustedProxyHops,
    MINTAGE_KEK: config.kek === null ? `file:${settings.dataDir}/kek` : shownKek(config.kek),
    MINTAGE_KEK_PREVIOUS: config.previousKeks.map(shownKek).join(', ') || null,
    MINTAGE_PKCS11_PIN: hidden(config.kekAccess.pkcs11Pin),
    AWS_ACCESS_KEY_ID: hidden(config.kekAccess.aws?.accessKeyId),
    AWS_SECRET_ACCESS_KEY: hidden(config.kekAccess.aws?.secretAccessKey),
    AWS_SESSION_TOKEN: hidden(config.kekAccess.aws?.sessionToken),
    AWS_ENDPOINT_URL_KMS: config.kekAccess.aws?.endpoint ?? null,
    MINTAGE_ROOT_API_KEY: hidden(config.rootApiKey),
    MINTAGE_API_KEY_PREFIX: config.apiKeyPrefixes[0],
    MINTAGE_API_KEY_PREFIX_PREVIOUS: config.apiKeyPrefixes.slice(1).join(',') || null,
  }
  return Object.entries(values).map(([name, value]) => ({
    name,
    value: `${value ?? 'unset'}`,
    from: env[name] ? 'environment' : 'default',
  }))
}

function databaseValues(database: DatabaseSettings): Record<string, string | null> {
  if (database.kind === 'embedded') {
    const url = database.folder === null ? 'memory:' : `file:${database.folder}`
    return { DATABASE_URL: url, DATABASE_MIGRATION_URL: null, DATABASE_DIRECT_URL: null, DATABASE_POOLER: null }
  }
  return {
    DATABASE_URL: shownUrl(database.url),
    DATABASE_MIGRATION_URL: database.migrationUrl && shownUrl(database.migrationUrl),
    DATABASE_DIRECT_URL: database.directUrl && shownUrl(database.directUrl),
    DATABASE_POOLER: database.pooler,
  }
}

const hidden = (secret: string | null | undefined) => (secret ? '(hidden)' : null)

/**
 * Where the KEK is, never what it is: the rest of `raw:` and `passphrase:` is the secret, and a PKCS #11 URI may hold a
 * PIN.
 */
function shownKek(written: string): string {
  const provider = kekProviderOf(written)
  return provider === 'file' || provider === 'aws-kms' ? written : `${provider}:(hidden)`
}

/** Host, database and user. The user info and the query may hold a password. */
function shownUrl(text: string): string {
  const urls = (postgresHosts(text) ?? []).map((url) => new URL(url))
  const [first] = urls
  if (!first) return '(hidden)'
  const { protocol, username, password, pathname, search } = first
  const host = urls.map((url) => url.host).join(',')
  const user = username === '' ? '' : `${username}${password === '' ? '' : ':(hidden)'}@`
  return `${protocol}//${user}${host}${pathname}${search === '' ? '' : '?(hidden)'}`
}
