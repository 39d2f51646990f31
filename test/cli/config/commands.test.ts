import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { generateApiKey } from '../../../src/api-keys/format.ts'
import { generateRawKek } from '../../../src/crypto/kek/raw.ts'
import { mintage } from '../../support/run-cli.ts'

const production = {
  DATABASE_URL: 'postgres://mintage:hunter2hunter2@db.example:5432/mintage?sslmode=require&password=hunter3hunter3',
  MINTAGE_ISSUER: 'https://auth.example',
}

describe('mintage config', () => {
  test('prints every documented name with its effective value and its source', async () => {
    const { code, stdout } = await mintage(['config', '--json'], { env: { MINTAGE_TOKEN_TTL: '5m' } })
    expect(code).toBe(0)
    const shown = JSON.parse(stdout)
    const page = readFileSync(new URL('../../../docs/configuration.md', import.meta.url), 'utf8')
    const ofTheCli = ['MINTAGE_URL', 'MINTAGE_API_KEY', 'MINTAGE_LEAKED_KEY']
    const documented = [...page.matchAll(/^\| `([A-Z0-9_]+)` \|/gm)]
      .map(([, name]) => name)
      .filter((name) => !ofTheCli.includes(name ?? ''))
    expect(Object.keys(shown).sort()).toEqual(documented.sort())
    expect(shown.MINTAGE_TOKEN_TTL).toEqual({ value: '300', from: 'environment' })
    expect(shown.MINTAGE_AUDIENCE).toEqual({ value: 'http://localhost:8787/api', from: 'default' })
  })

  test('hides every secret, and shows where a KEK comes from', async () => {
    const secrets = {
      kek: generateRawKek(),
      root: generateApiKey('live'),
      passphrase: 'correct horse battery staple and more',
      pin: 'pin-of-the-token-4711',
      aws: 'wJalrXUtnFEMI-secret',
    }
    const env = {
      ...production,
      MINTAGE_KEK: 'aws-kms:arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab',
      MINTAGE_KEK_PREVIOUS: `${secrets.kek}\npassphrase:${secrets.passphrase}\nfile:/run/secrets/kek`,
      MINTAGE_ROOT_API_KEY: secrets.root,
      MINTAGE_PKCS11_PIN: secrets.pin,
      AWS_ACCESS_KEY_ID: 'AKIA-example',
      AWS_SECRET_ACCESS_KEY: secrets.aws,
    }
    const { code, stdout, stderr } = await mintage(['config'], { env })
    expect(stderr).toBe('')
    expect(code).toBe(0)
    for (const secret of [...Object.values(secrets), 'hunter2hunter2', 'hunter3hunter3'])
      expect(stdout).not.toContain(secret.replace('raw:', ''))
    expect(stdout).toMatch(
      /^DATABASE_URL +postgres:\/\/mintage:\(hidden\)@db\.example:5432\/mintage\?\(hidden\) +environment$/m,
    )
    expect(stdout).toMatch(/^MINTAGE_KEK +aws-kms:arn:aws:kms:eu-central-1:111122223333:key\//m)
    expect(stdout).toMatch(/^MINTAGE_KEK_PREVIOUS +raw:\(hidden\), passphrase:\(hidden\), file:\/run\/secrets\/kek /m)
  })

  test('reports all faults at once', async () => {
    const { code, stderr } = await mintage(['config'], {
      env: { DATABASE_URL: 'mysql://x', MINTAGE_FOO: '1', MINTAGE_TOKEN_TTL: 'soon' },
    })
    expect(code).toBe(2)
    expect(stderr).toMatch(/^error: the configuration has 3 faults:\n/)
    for (const name of ['DATABASE_URL', 'MINTAGE_FOO', 'MINTAGE_TOKEN_TTL']) expect(stderr).toContain(`  ${name} `)
    expect(stderr).toMatch(/\nhint: .*docs\/configuration\.md\n$/)
  })
})
