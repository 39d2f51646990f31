import { describe, expect, test } from 'vitest'
import { loadConfig } from '../../src/config/settings.ts'
import { generateRawKek } from '../../src/crypto/kek/raw.ts'
import { faultsOf, postgres } from './faults.ts'

const kmsKek = 'aws-kms:arn:aws:kms:eu-central-1:123456789012:key/11111111-aaaa-4bbb-8ccc-000000000001'
const aws = { AWS_ACCESS_KEY_ID: 'id', AWS_SECRET_ACCESS_KEY: 'made for this test' }

describe('the KEKs of the configuration', () => {
  test('previous KEKs are written one per line', () => {
    const [first, second] = [generateRawKek(), generateRawKek()]
    expect(loadConfig({ ...postgres, MINTAGE_KEK_PREVIOUS: `${first}\n${second}\n` }).config.previousKeks).toEqual([
      first,
      second,
    ])
  })

  const faulty: [string, Record<string, string>, RegExp][] = [
    [
      'a KEK of another length',
      { MINTAGE_KEK: 'raw:c2hvcnQ=' },
      /^MINTAGE_KEK must be raw: followed by the base64 of exactly 32 bytes$/,
    ],
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
      'a passphrase that ends with a space',
      { MINTAGE_KEK: 'passphrase:long enough, but ' },
      /^MINTAGE_KEK is a passphrase, which must not begin or end/,
    ],
    [
      'an alias in AWS KMS',
      { MINTAGE_KEK: kmsKek.replace('key/', 'alias/'), ...aws },
      /^MINTAGE_KEK must be aws-kms: followed by the ARN of a key/,
    ],
    [
      'a PIN in a PKCS #11 URI',
      { MINTAGE_KEK: 'pkcs11:object=kek?pin-value=1234' },
      /^MINTAGE_KEK must not contain pin-value/,
    ],
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
      'a wrong previous KEK',
      { MINTAGE_KEK_PREVIOUS: `${generateRawKek()}\nraw:no` },
      /^MINTAGE_KEK_PREVIOUS \(line 2\) must be raw: followed/,
    ],
  ]
  test.each(faulty)('%s is a fault that names its variable', (_name, env, expected) => {
    expect(faultsOf(env)).toEqual([expect.stringMatching(expected)])
  })

  test('a KEK of each provider is accepted with its credentials', () => {
    for (const MINTAGE_KEK of [
      generateRawKek(),
      'file:/kek',
      'passphrase:a long passphrase',
      'pkcs11:object=kek?module-path=/hsm.so',
    ]) {
      expect(loadConfig({ ...postgres, MINTAGE_KEK }).config.kek).toBe(MINTAGE_KEK)
    }
    const env = {
      MINTAGE_KEK: kmsKek,
      ...aws,
      AWS_ENDPOINT_URL_KMS: 'http://127.0.0.1:4566',
      MINTAGE_PKCS11_PIN: '1234',
    }
    expect(loadConfig({ ...postgres, ...env }).config.kekAccess).toEqual({
      aws: {
        accessKeyId: 'id',
        secretAccessKey: aws.AWS_SECRET_ACCESS_KEY,
        sessionToken: null,
        endpoint: 'http://127.0.0.1:4566',
      },
      pkcs11Pin: '1234',
    })
  })

  test('the AWS variables are ignored while no KEK is in AWS KMS', () => {
    expect(faultsOf({ ...postgres, AWS_ACCESS_KEY_ID: 'id', AWS_ENDPOINT_URL_KMS: 'http://kms.example/' })).toEqual([])
  })

  test.each([
    ['passphrase:a long passphrase', /must not be a passphrase on Workers: .*100,000/],
    ['file:/kek', /must not be file: on Workers/],
    ['pkcs11:object=kek?module-path=/hsm.so', /must not be pkcs11: on Workers/],
  ])('on Workers %s is refused with an explanation', (MINTAGE_KEK, words) => {
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
    for (const secret of ['tooshort', '864208', 'blank-before', aws.AWS_SECRET_ACCESS_KEY])
      expect(text).not.toContain(secret)
  })
})
