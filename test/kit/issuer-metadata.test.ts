import { describe, expect, test } from 'vitest'
import { checkIssuer, metadataUrl, readIssuerMetadata } from '../../src/kit/issuer-metadata.ts'

const issuer = 'https://auth.example'
const metadata = {
  issuer,
  jwks_uri: `${issuer}/jwks`,
  revocations_uri: `${issuer}/revocations`,
  record_keys_uri: `${issuer}/record-keys`,
  max_token_lifetime_seconds: 7200,
}

describe('readIssuerMetadata', () => {
  test('returns what a verifier needs', () => {
    expect(readIssuerMetadata(metadata, issuer)).toEqual({
      jwksUri: `${issuer}/jwks`,
      revocationsUri: `${issuer}/revocations`,
      recordKeysUri: `${issuer}/record-keys`,
      longestTokenSeconds: 7200,
    })
  })

  test.each([
    ['another host', 'https://evil.example'],
    ['a trailing slash', 'https://auth.example/'],
    ['another case', 'https://Auth.example'],
    ['http', 'http://auth.example'],
    ['a look-alike letter', 'https://аuth.example'],
    ['a port that is the default one', 'https://auth.example:443'],
    ['nothing', undefined],
    ['a list', [issuer]],
  ])('a document whose issuer is %s is refused', (_, other) => {
    expect(() => readIssuerMetadata({ ...metadata, issuer: other }, issuer)).toThrow('another issuer')
  })

  test.each([
    ['jwks_uri', 'http://auth.example/jwks'],
    ['jwks_uri', undefined],
    ['jwks_uri', 1],
    ['jwks_uri', 'https://user:pass@auth.example/jwks'],
    ['revocations_uri', 'http://auth.example/revocations'],
    ['record_keys_uri', 'file:///keys'],
  ])('a document whose %s is %j is refused', (name, url) => {
    expect(() => readIssuerMetadata({ ...metadata, [name]: url }, issuer)).toThrow(name)
  })

  test.each([0, -1, 1.5, 31_536_001, Number.POSITIVE_INFINITY, '3600', null, [3600], true])(
    'a document whose token lifetime is %j is refused',
    (seconds) => {
      expect(() => readIssuerMetadata({ ...metadata, max_token_lifetime_seconds: seconds }, issuer)).toThrow(
        'max_token_lifetime_seconds',
      )
    },
  )

  test('a document without a token lifetime is accepted', () => {
    const { max_token_lifetime_seconds: _, ...rest } = metadata
    expect(readIssuerMetadata(rest, issuer).longestTokenSeconds).toBeUndefined()
  })

  test('a document that is not an object is refused', () => {
    for (const json of [null, [], 'x', 1]) expect(() => readIssuerMetadata(json, issuer)).toThrow('not a JSON object')
  })
})

test.each([
  ['https://auth.example', 'https://auth.example/.well-known/oauth-authorization-server'],
  ['https://auth.example/', 'https://auth.example/.well-known/oauth-authorization-server'],
  ['https://auth.example/tenant', 'https://auth.example/.well-known/oauth-authorization-server/tenant'],
  ['https://auth.example/tenant/', 'https://auth.example/.well-known/oauth-authorization-server/tenant'],
  ['http://localhost:8787', 'http://localhost:8787/.well-known/oauth-authorization-server'],
])('the metadata of %s is at %s', (of, url) => {
  expect(metadataUrl(of)).toBe(url)
})

test.each([
  ['auth.example'],
  ['ftp://auth.example'],
  ['https://auth.example?x=1'],
  ['https://auth.example#'],
  ['https://u:p@auth.example'],
  [''],
])('%j is refused as an issuer', (bad) => {
  expect(() => checkIssuer(bad)).toThrow(TypeError)
})
