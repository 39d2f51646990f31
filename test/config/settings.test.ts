import { describe, expect, test } from 'vitest'
import { loadConfig } from '../../src/config/settings.ts'
import { defaultDeadlineMilliseconds } from '../../src/db/deadline.ts'
import { faultsOf, postgres } from './faults.ts'

describe('configuration', () => {
  test('an empty environment starts on the embedded database at localhost with the documented defaults', () => {
    const settings = loadConfig({})
    expect(settings).toMatchObject({
      port: 8787,
      host: '127.0.0.1',
      metricsPort: null,
      drainSeconds: 0,
      logLevel: 'info',
      dataDir: '.mintage',
      database: { kind: 'embedded', folder: '.mintage/data', deadlineMilliseconds: 5000 },
    })
    expect(settings.config).toEqual({
      issuer: 'http://localhost:8787',
      audience: 'http://localhost:8787/api',
      tokenTtlSeconds: 900,
      maxTokenTtlSeconds: 3600,
      jwksMaxAgeSeconds: 300,
      clockToleranceSeconds: 30,
      rotateEverySeconds: 30 * 86_400,
      trustedProxyHops: 0,
      adminDeadlineMilliseconds: 6667,
      verifierRefreshSeconds: 600,
      kek: null,
      previousKeks: [],
      kekAccess: { aws: null, pkcs11Pin: null },
      rootApiKey: null,
      apiKeyPrefixes: ['mk'],
    })
  })

  test('the operator chooses the prefix of new API keys, and previous prefixes are listed after it', () => {
    const { config } = loadConfig({ MINTAGE_API_KEY_PREFIX: 'acme', MINTAGE_API_KEY_PREFIX_PREVIOUS: 'mk, a1,mk' })
    expect(config.apiKeyPrefixes).toEqual(['acme', 'mk', 'a1'])
  })

  test('the embedded database follows the data folder, and the issuer follows the port', () => {
    const settings = loadConfig({ MINTAGE_DATA_DIR: '/var/lib/mintage', PORT: '9000' })
    expect(settings.database).toMatchObject({ kind: 'embedded', folder: '/var/lib/mintage/data' })
    expect(settings.config.issuer).toBe('http://localhost:9000')
  })

  test('PostgreSQL needs an https issuer and a KEK, and both faults are reported together', () => {
    const faults = faultsOf({ DATABASE_URL: postgres.DATABASE_URL })
    expect(faults).toHaveLength(2)
    expect(faults.join('\n')).toMatch(/MINTAGE_ISSUER is missing[\s\S]*MINTAGE_KEK is missing/)
  })

  test('the deadlines of PostgreSQL are 1.5 seconds a call and 2 seconds a request, and the second follows the first', () => {
    const deadlines = (env: Record<string, string>) => {
      const { config, database } = loadConfig({ ...postgres, ...env })
      return [database.deadlineMilliseconds, config.adminDeadlineMilliseconds]
    }
    expect(deadlines({})).toEqual([defaultDeadlineMilliseconds, 2000])
    expect(deadlines({ MINTAGE_DATABASE_DEADLINE: '3s' })).toEqual([3000, 4000])
    expect(deadlines({ MINTAGE_DATABASE_DEADLINE: '900ms', MINTAGE_ADMIN_DEADLINE: '1m' })).toEqual([900, 60_000])
  })

  const faulty: [string, Record<string, string>, RegExp][] = [
    [
      'a token lifetime above its maximum',
      { MINTAGE_TOKEN_TTL: '7200' },
      /^MINTAGE_TOKEN_TTL must not be more than MINTAGE_MAX_TOKEN_TTL$/,
    ],
    [
      'a request that may wait less than one call',
      { MINTAGE_ADMIN_DEADLINE: '4s' },
      /^MINTAGE_ADMIN_DEADLINE must be at least MINTAGE_DATABASE_DEADLINE, which is 5s$/,
    ],
    [
      'a deadline that is too short',
      { MINTAGE_DATABASE_DEADLINE: '199ms' },
      /^MINTAGE_DATABASE_DEADLINE must be whole seconds, or a number with ms, s or m, from 200ms to 1m$/,
    ],
    [
      'a deadline that is too long',
      { MINTAGE_DATABASE_DEADLINE: '61' },
      /^MINTAGE_DATABASE_DEADLINE must be .* from 200ms to 1m$/,
    ],
    ['an issuer over plain http', { MINTAGE_ISSUER: 'http://auth.example' }, /^MINTAGE_ISSUER must be https/],
    [
      'an issuer with a query',
      { MINTAGE_ISSUER: 'https://auth.example?x=1' },
      /^MINTAGE_ISSUER must have no user, query or fragment$/,
    ],
    [
      'an issuer with an empty fragment',
      { MINTAGE_ISSUER: 'https://auth.example#' },
      /^MINTAGE_ISSUER must have no user, query or fragment$/,
    ],
    [
      'an issuer with a trailing slash',
      { MINTAGE_ISSUER: 'https://auth.example/' },
      /^MINTAGE_ISSUER must not end with a slash$/,
    ],
    ['an issuer that is not a URL', { MINTAGE_ISSUER: 'auth' }, /^MINTAGE_ISSUER must be an absolute URL$/],
    [
      'the issuer as default audience',
      { MINTAGE_ISSUER: 'https://auth.example', MINTAGE_AUDIENCE: 'https://auth.example' },
      /^MINTAGE_AUDIENCE must not be the issuer/,
    ],
    [
      'a pooler with the embedded database',
      { DATABASE_POOLER: 'transaction' },
      /^DATABASE_POOLER applies only if DATABASE_URL is postgres/,
    ],
    ['a database in memory without a root key', { DATABASE_URL: 'memory:' }, /^MINTAGE_ROOT_API_KEY is missing/],
    ['one port for two servers', { METRICS_PORT: '8787' }, /^METRICS_PORT must differ from PORT/],
  ]
  test.each(faulty)('%s is a fault that names its variable', (_name, env, expected) => {
    expect(faultsOf(env)).toEqual([expect.stringMatching(expected)])
  })

  test('all faults are reported together', () => {
    expect(faultsOf({ PORT: 'x', LOG_LEVEL: 'loud', MINTAGE_TOKEN_TTL: '0', MINTAGE_NONSENSE: '1' })).toHaveLength(4)
  })

  test('an unreadable value hides no other fault, and causes none', () => {
    const faults = faultsOf({
      DATABASE_URL: postgres.DATABASE_URL,
      MINTAGE_KEK: 'raw:no',
      MINTAGE_TOKEN_TTL: 'soon',
      MINTAGE_MAX_TOKEN_TTL: '60',
    })
    expect(faults.map((fault) => fault.split(' ')[0])).toEqual(['MINTAGE_TOKEN_TTL', 'MINTAGE_ISSUER', 'MINTAGE_KEK'])
  })

  test('no fault repeats a value that may be secret', () => {
    const secret = 'correct-horse-battery-staple'
    const text = faultsOf({
      MINTAGE_KEK: secret,
      MINTAGE_KEK_PREVIOUS: `raw:${secret}`,
      DATABASE_URL: `mysql://root:${secret}@db`,
      DATABASE_MIGRATION_URL: `mysql://root:${secret}@db`,
    }).join('\n')
    expect(text).not.toContain(secret)
    expect(text).toMatch(/MINTAGE_KEK .*\n?.*/)
  })

  test('plain http must be allowed explicitly', () => {
    expect(
      loadConfig({ ...postgres, MINTAGE_ISSUER: 'http://auth.internal', MINTAGE_ALLOW_HTTP: 'true' }).config.issuer,
    ).toBe('http://auth.internal')
  })
})
