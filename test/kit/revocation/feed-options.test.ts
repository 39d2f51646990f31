import { expect, test } from 'vitest'
import { feedRevocationList } from '../../../src/kit/revocation/feed.ts'

test.each([
  { issuer: 'http://auth.example', url: 'ftp://auth.example/x' },
  { issuer: 'https://auth.example', url: 'http://auth.example/revocations' },
  { issuer: 'https://auth.example', recordKeysUrl: 'http://auth.example/keys' },
  { issuer: 'not a url' },
  { issuer: 'https://auth.example?x' },
  { issuer: 'https://auth.example', refreshMilliseconds: 0 },
  { issuer: 'https://auth.example', timeoutMilliseconds: Number.NaN },
])('invalid options are refused at construction: %o', (options) => {
  expect(() => feedRevocationList(options)).toThrow(TypeError)
})
