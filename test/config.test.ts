import { describe, expect, test } from 'vitest'
import { ConfigError, loadConfig } from '../src/config.ts'
import { generateRawKek } from '../src/crypto/kek/raw.ts'

const postgres = {
  DATABASE_URL: 'postgres://mintage@db.example/mintage',
  MINTAGE_ISSUER: 'https://auth.example',
  MINTAGE_KEK: generateRawKek(),
}

const kmsKek = 'aws-kms:arn:aws:kms:eu-central-1:123456789012:key/11111111-aaaa-4bbb-8ccc-000000000001'
const aws = { AWS_ACCESS_KEY_ID: 'id', AWS_SECRET_ACCESS_KEY: 'made for this test' }

function faultsOf(env: Record<string, string>, runtime?: 'workers'): readonly string[] {
  try {
    loadConfig(env, runtime)
  } catch (error) {
    if (error instanceof ConfigError) return error.faults
    throw error
  }
  return []
}

describe('configuration', () => {
  test('an empty environment starts on the embedded database at localhost with the documented defaults', () => {
    const settings = loadConfig({})
    expect(settings).toMatchObject({
      port: 8787,
      host: '127.0.0.1',
      metricsPort: null,
      logLevel: 'info',
      dataDir: '.mintage',
      database: { kind: 'embedded', folder: '.mintage/data' },
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
      verifierRefreshSeconds: 600,
      kek: null,
      previousKeks: [],
      kekAccess: { aws: null, pkcs11Pin: null },
      rootApiKey: null,
      apiKeyPrefixes: ['mk'],
    })
  })

  test("the prefix of new API keys is the operator's choice, and former ones are listed behind it", () => {
    const { config } = loadConfig({ MINTAGE_API_KEY_PREFIX: 'acme', MINTAGE_API_KEY_PREFIX_PREVIOUS: 'mk, a1,mk' })
    expect(config.apiKeyPrefixes).toEqual(['acme', 'mk', 'a1'])
  })

  test.each(['a', 'Acme', 'ac_me', 'acme-', 'seventeenletters1', 'ä1', 'key', 'org'])('the prefix %j is refused in words', (prefix) => {
    for (const name of ['MINTAGE_API_KEY_PREFIX', 'MINTAGE_API_KEY_PREFIX_PREVIOUS']) {
      expect(faultsOf({ [name]: prefix })).toEqual([expect.stringMatching(new RegExp(`^${name} .*2 to 16 lower-case letters or digits`))])
    }
  })

  test('an empty value counts as unset', () => {
    expect(loadConfig({ PORT: '', MINTAGE_TOKEN_TTL: '' }).port).toBe(8787)
  })

  test('the embedded database follows the data folder, and the issuer follows the port', () => {
    const settings = loadConfig({ MINTAGE_DATA_DIR: '/var/lib/mintage', PORT: '9000' })
    expect(settings.database).toEqual({ kind: 'embedded', folder: '/var/lib/mintage/data' })
    expect(settings.config.issuer).toBe('http://localhost:9000')
  })

  test('durations may carry a unit', () => {
    expect(loadConfig({ MINTAGE_ROTATE_EVERY: '7d', MINTAGE_TOKEN_TTL: '10m' }).config).toMatchObject({
      rotateEverySeconds: 604_800,
      tokenTtlSeconds: 600,
    })
  })

  test('PostgreSQL needs an https issuer and a KEK, and both faults are told at once', () => {
    const faults = faultsOf({ DATABASE_URL: postgres.DATABASE_URL })
    expect(faults).toHaveLength(2)
    expect(faults.join('\n')).toMatch(/MINTAGE_ISSUER is missing[\s\S]*MINTAGE_KEK is missing/)
  })

  test('older KEKs are given one a line', () => {
    const [first, second] = [generateRawKek(), generateRawKek()]
    expect(loadConfig({ ...postgres, MINTAGE_KEK_PREVIOUS: `${first}\n${second}\n` }).config.previousKeks).toEqual([first, second])
  })

  const faulty: [string, Record<string, string>, RegExp][] = [
    ['a port that is no number', { PORT: 'http' }, /^PORT must be a whole number from 0 to 65535$/],
    ['a port out of range', { PORT: '65536' }, /^PORT must be/],
    ['an unknown MINTAGE_ name', { MINTAGE_TOKEN_TLL: '60' }, /^MINTAGE_TOKEN_TLL is not a name that Mintage knows$/],
    [
      'a token lifetime above its maximum',
      { MINTAGE_TOKEN_TTL: '7200' },
      /^MINTAGE_TOKEN_TTL must not be more than MINTAGE_MAX_TOKEN_TTL$/,
    ],
    ['a clock tolerance above 300 seconds', { MINTAGE_CLOCK_TOLERANCE: '301' }, /^MINTAGE_CLOCK_TOLERANCE must be/],
    ['an issuer over plain http', { MINTAGE_ISSUER: 'http://auth.example' }, /^MINTAGE_ISSUER must be https/],
    ['an issuer with a query', { MINTAGE_ISSUER: 'https://auth.example?x=1' }, /^MINTAGE_ISSUER must have no user, query or fragment$/],
    [
      'an issuer with an empty fragment',
      { MINTAGE_ISSUER: 'https://auth.example#' },
      /^MINTAGE_ISSUER must have no user, query or fragment$/,
    ],
    ['an issuer with a trailing slash', { MINTAGE_ISSUER: 'https://auth.example/' }, /^MINTAGE_ISSUER must not end with a slash$/],
    ['an issuer that is no URL', { MINTAGE_ISSUER: 'auth' }, /^MINTAGE_ISSUER must be an absolute URL$/],
    [
      'the issuer as default audience',
      { MINTAGE_ISSUER: 'https://auth.example', MINTAGE_AUDIENCE: 'https://auth.example' },
      /^MINTAGE_AUDIENCE must not be the issuer/,
    ],
    ['a KEK of another length', { MINTAGE_KEK: 'raw:c2hvcnQ=' }, /^MINTAGE_KEK must be raw: followed by the base64 of exactly 32 bytes$/],
    [
      'a KEK without a provider',
      { MINTAGE_KEK: 'hunter2hunter2' },
      /^MINTAGE_KEK must begin with raw:, file:, passphrase:, aws-kms: or pkcs11:$/,
    ],
    ['a KEK file without a path', { MINTAGE_KEK: 'file:' }, /^MINTAGE_KEK must name a path after file:$/],
    [
      'a short passphrase',
      { MINTAGE_KEK: 'passphrase:elevenchars' },
      /^MINTAGE_KEK is a passphrase, which must have at least 12 characters$/,
    ],
    [
      'a passphrase that ends with a blank',
      { MINTAGE_KEK: 'passphrase:long enough, but ' },
      /^MINTAGE_KEK is a passphrase, which must not begin or end/,
    ],
    [
      'an alias in AWS KMS',
      { MINTAGE_KEK: kmsKek.replace('key/', 'alias/'), ...aws },
      /^MINTAGE_KEK must be aws-kms: followed by the ARN of a key/,
    ],
    ['a PIN in a PKCS #11 URI', { MINTAGE_KEK: 'pkcs11:object=kek?pin-value=1234' }, /^MINTAGE_KEK must not hold pin-value/],
    [
      'AWS KMS without credentials',
      { MINTAGE_KEK: kmsKek, AWS_ACCESS_KEY_ID: 'id' },
      /^AWS_SECRET_ACCESS_KEY is missing: a KEK is in AWS KMS$/,
    ],
    [
      'AWS KMS over plain http',
      { MINTAGE_KEK: kmsKek, ...aws, AWS_ENDPOINT_URL_KMS: 'http://kms.example/' },
      /^AWS_ENDPOINT_URL_KMS must be an https URL/,
    ],
    [
      'a wrong older KEK',
      { MINTAGE_KEK_PREVIOUS: `${generateRawKek()}\nraw:no` },
      /^MINTAGE_KEK_PREVIOUS \(line 2\) must be raw: followed/,
    ],
    ['a database that is none', { DATABASE_URL: 'mysql://db' }, /^DATABASE_URL must be postgres:\/\/…, file:<folder> or memory:$/],
    [
      'a pooler beside the embedded database',
      { DATABASE_POOLER: 'transaction' },
      /^DATABASE_POOLER has a meaning only when DATABASE_URL is postgres/,
    ],
    ['a database in memory whose root key nobody knows', { DATABASE_URL: 'memory:' }, /^MINTAGE_ROOT_API_KEY is missing/],
    ['one port for two servers', { METRICS_PORT: '8787' }, /^METRICS_PORT must differ from PORT/],
  ]
  test.each(faulty)('%s is a fault that names its variable', (_name, env, expected) => {
    const faults = faultsOf(env)
    expect(faults).toHaveLength(1)
    expect(faults[0]).toMatch(expected)
  })

  test('all faults are told at once', () => {
    expect(faultsOf({ PORT: 'x', LOG_LEVEL: 'loud', MINTAGE_TOKEN_TTL: '0', MINTAGE_NONSENSE: '1' })).toHaveLength(4)
  })

  test('a value that cannot be read hides no fault of another, and causes none', () => {
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

  test('a KEK of each provider is accepted, with what it is reached with', () => {
    for (const MINTAGE_KEK of [generateRawKek(), 'file:/kek', 'passphrase:a long passphrase', 'pkcs11:object=kek?module-path=/hsm.so']) {
      expect(loadConfig({ ...postgres, MINTAGE_KEK }).config.kek).toBe(MINTAGE_KEK)
    }
    const env = { MINTAGE_KEK: kmsKek, ...aws, AWS_ENDPOINT_URL_KMS: 'http://127.0.0.1:4566', MINTAGE_PKCS11_PIN: '1234' }
    expect(loadConfig({ ...postgres, ...env }).config.kekAccess).toEqual({
      aws: { accessKeyId: 'id', secretAccessKey: aws.AWS_SECRET_ACCESS_KEY, sessionToken: null, endpoint: 'http://127.0.0.1:4566' },
      pkcs11Pin: '1234',
    })
  })

  test("AWS's variables mean nothing while no KEK is in AWS KMS", () => {
    expect(faultsOf({ ...postgres, AWS_ACCESS_KEY_ID: 'id', AWS_ENDPOINT_URL_KMS: 'http://kms.example/' })).toEqual([])
  })

  test.each([
    ['passphrase:a long passphrase', /must not be a passphrase on Workers: .*100,000/],
    ['file:/kek', /must not be file: on Workers/],
    ['pkcs11:object=kek?module-path=/hsm.so', /must not be pkcs11: on Workers/],
  ])('on Workers %s is refused in words', (MINTAGE_KEK, words) => {
    const faults = faultsOf({ ...postgres, MINTAGE_KEK }, 'workers')
    expect(faults).toEqual([expect.stringMatching(words)])
    expect(faultsOf({ ...postgres, MINTAGE_KEK_PREVIOUS: MINTAGE_KEK }, 'workers')).toHaveLength(1)
    expect(faultsOf({ ...postgres, MINTAGE_KEK: kmsKek, ...aws }, 'workers')).toEqual([])
  })

  test('no fault repeats a passphrase, a PIN or a credential', () => {
    const text = faultsOf({
      ...postgres,
      MINTAGE_KEK: 'passphrase:tooshort',
      MINTAGE_KEK_PREVIOUS: `pkcs11:object=a?pin-value=864208\n${kmsKek}x!\npassphrase: blank-before-it`,
      ...aws,
      AWS_ENDPOINT_URL_KMS: 'http://user:864208@kms.example',
    }).join('\n')
    for (const secret of ['tooshort', '864208', 'blank-before', aws.AWS_SECRET_ACCESS_KEY]) expect(text).not.toContain(secret)
  })

  test('plain http needs to be asked for by name', () => {
    expect(loadConfig({ ...postgres, MINTAGE_ISSUER: 'http://auth.internal', MINTAGE_ALLOW_HTTP: 'true' }).config.issuer).toBe(
      'http://auth.internal',
    )
  })
})
