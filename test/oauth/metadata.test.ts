import { expect, test } from 'vitest'
import { authorizationServerMetadata, metadataPath } from '../../src/oauth/metadata.ts'

test.each([
  ['https://auth.example', '/.well-known/oauth-authorization-server'],
  ['https://auth.example/', '/.well-known/oauth-authorization-server'],
  ['https://auth.example/tenant', '/.well-known/oauth-authorization-server/tenant'],
  ['https://auth.example/a/b', '/.well-known/oauth-authorization-server/a/b'],
])('the metadata of %s is at %s', (issuer, path) => {
  expect(metadataPath(issuer)).toBe(path)
  const other = path.replace('oauth-authorization-server', 'openid-configuration')
  expect(metadataPath(issuer, 'openid-configuration')).toBe(other)
})

test.each(['https://auth.example', 'https://auth.example/tenant'])(
  'every URL in the metadata of %s begins with it',
  (issuer) => {
    const metadata = authorizationServerMetadata({
      issuer,
      revocationLatencySeconds: 10,
      algorithms: ['ES256'],
      maxTokenLifetimeSeconds: 3600,
    })
    expect(metadata.issuer).toBe(issuer)
    for (const [name, value] of Object.entries(metadata)) {
      if (/_endpoint$|_uri$/.test(name)) expect(value).toMatch(new RegExp(`^${issuer}/[^/]`))
    }
  },
)
