import { describe, expect, test } from 'vitest'
import { loadConfig } from '../../src/config/settings.ts'

const kek = `raw:${btoa('0'.repeat(32))}`
const production = { DATABASE_URL: 'postgres://localhost/mintage', MINTAGE_KEK: kek }

describe('the issuer', () => {
  test.each(['http://auth.example', 'ftp://auth.example', 'auth.example'])(
    'R22 R96 is refused at start if it is not https: %s',
    (issuer) => {
      expect(() => loadConfig({ ...production, MINTAGE_ISSUER: issuer })).toThrow('MINTAGE_ISSUER')
    },
  )

  test('R22 may be http if that is configured explicitly', () => {
    const issuer = 'http://auth.internal'
    expect(loadConfig({ ...production, MINTAGE_ISSUER: issuer, MINTAGE_ALLOW_HTTP: 'true' }).config.issuer).toBe(issuer)
  })

  test.each([
    'https://auth.example?a=b',
    'https://auth.example/#part',
    'https://auth.example/?',
    'https://user:pass@auth.example',
  ])('R96 is refused with a query, a fragment or a user: %s', (issuer) => {
    expect(() => loadConfig({ ...production, MINTAGE_ISSUER: issuer })).toThrow('MINTAGE_ISSUER')
  })

  test.each(['https://auth.example', 'https://auth.example/tenant', 'https://auth.example:8443'])(
    'R96 may be %s',
    (issuer) => {
      expect(loadConfig({ ...production, MINTAGE_ISSUER: issuer }).config.issuer).toBe(issuer)
    },
  )
})
